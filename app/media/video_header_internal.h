/* One reader per codec, behind media_video_header_read. Each writes *header only through it: zeroed when they begin. */
#ifndef MEDIA_VIDEO_HEADER_INTERNAL_H
#define MEDIA_VIDEO_HEADER_INTERNAL_H

#include "app/media/video_header.h"

bool media_video_header_vp8(const uint8_t *bytes, size_t length_bytes, struct media_video_header *header);
bool media_video_header_vp9(const uint8_t *bytes, size_t length_bytes, struct media_video_header *header);
bool media_video_header_h264(const uint8_t *bytes, size_t length_bytes, struct media_video_header *header);
bool media_video_header_av1(const uint8_t *bytes, size_t length_bytes, struct media_video_header *header);

#endif
