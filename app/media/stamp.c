#include "app/media/stamp.h"

#include <string.h>

enum {
    CELLS = MEDIA_STAMP_COLUMNS * MEDIA_STAMP_ROWS,
    CODE_BYTES = CELLS / 8,
    PAYLOAD_BYTES = 8,
    WHITE_FROM = 128,
    UNREADABLE_FROM = 96,        /* a mean strictly between these two is neither black nor white */
    UNREADABLE_TO = 160
};

/* The samples [from, to) of cell `index`; the row grid has the same pitch as the columns, hence the width in both. */
struct span { uint32_t from, to; };

static struct span cell_span(uint32_t width, uint32_t index) {
    struct span span = { index * width / MEDIA_STAMP_COLUMNS, (index + 1) * width / MEDIA_STAMP_COLUMNS };
    return span;
}

/* Its middle half: what scaling and block coding smear is the border. At least one sample. */
static struct span middle_half(struct span span) {
    uint32_t length = span.to - span.from;
    struct span middle = { span.from + length / 4, span.to - length / 4 };
    return middle;
}

static uint16_t crc16(const uint8_t *bytes, size_t length) {
    unsigned crc = 0xFFFF;
    for (size_t i = 0; i < length; i++) {
        crc ^= (unsigned)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1;
        }
        crc &= 0xFFFFU;
    }
    return (uint16_t)crc;
}

static void put_u32(uint8_t *bytes, uint32_t value) {
    bytes[0] = (uint8_t)(value >> 24);
    bytes[1] = (uint8_t)(value >> 16);
    bytes[2] = (uint8_t)(value >> 8);
    bytes[3] = (uint8_t)value;
}

static uint32_t get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

uint32_t media_stamp_height(uint32_t width) {
    return MEDIA_STAMP_ROWS * width / MEDIA_STAMP_COLUMNS;
}

static bool has_room(uint32_t width, uint32_t height) {
    return width >= MEDIA_STAMP_MIN_WIDTH && width <= MEDIA_PICTURE_MAX_SIDE && height >= media_stamp_height(width);
}

static void fill(uint8_t *plane, int stride, struct span x, struct span y, int value) {
    for (uint32_t row = y.from; row < y.to; row++) {
        memset(plane + (size_t)row * (size_t)stride + x.from, value, x.to - x.from);
    }
}

bool media_stamp_write(struct media_picture *picture, struct media_stamp stamp) {
    uint8_t code[CODE_BYTES];

    if (!has_room(picture->width, picture->height)) {
        return false;
    }
    put_u32(code, stamp.number);
    put_u32(code + 4, stamp.time_ms);
    uint16_t crc = crc16(code, PAYLOAD_BYTES);
    code[8] = (uint8_t)(crc >> 8);
    code[9] = (uint8_t)crc;

    for (uint32_t bit = 0; bit < CELLS; bit++) {
        bool white = (code[bit / 8] >> (7 - bit % 8) & 1) != 0;
        fill(picture->planes[0], picture->strides[0], cell_span(picture->width, bit % MEDIA_STAMP_COLUMNS),
             cell_span(picture->width, bit / MEDIA_STAMP_COLUMNS), white ? MEDIA_STAMP_WHITE : MEDIA_STAMP_BLACK);
    }
    struct span all_columns = { 0, media_picture_plane_width(picture, 1) };
    struct span all_rows = { 0, (media_stamp_height(picture->width) + 1) / 2 };
    fill(picture->planes[1], picture->strides[1], all_columns, all_rows, 128);
    fill(picture->planes[2], picture->strides[2], all_columns, all_rows, 128);
    return true;
}

static uint32_t mean(const uint8_t *luma, int stride, struct span x, struct span y) {
    uint32_t sum = 0;
    for (uint32_t row = y.from; row < y.to; row++) {
        const uint8_t *samples = luma + (size_t)row * (size_t)stride;
        for (uint32_t column = x.from; column < x.to; column++) {
            sum += samples[column];
        }
    }
    return sum / ((x.to - x.from) * (y.to - y.from));
}

bool media_stamp_read(const uint8_t *luma, int stride, uint32_t width, uint32_t height, struct media_stamp *stamp) {
    uint8_t code[CODE_BYTES] = { 0 };

    if (!has_room(width, height)) {
        return false;
    }
    for (uint32_t bit = 0; bit < CELLS; bit++) {
        uint32_t level = mean(luma, stride, middle_half(cell_span(width, bit % MEDIA_STAMP_COLUMNS)),
                              middle_half(cell_span(width, bit / MEDIA_STAMP_COLUMNS)));
        if (level > UNREADABLE_FROM && level < UNREADABLE_TO) {
            return false;
        }
        if (level >= WHITE_FROM) {
            code[bit / 8] = (uint8_t)(code[bit / 8] | 0x80U >> bit % 8);
        }
    }
    if (crc16(code, PAYLOAD_BYTES) != (code[8] << 8 | code[9])) {
        return false;
    }
    stamp->number = get_u32(code);
    stamp->time_ms = get_u32(code + 4);
    return true;
}
