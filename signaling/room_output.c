/* What waits to be sent: at most two texts, each for one member or for all of a room but one. Their buffers are kept for the next call. */
#include <stdlib.h>

#include "signaling/room_internal.h"

static uint32_t skip(const struct signaling_rooms *rooms, uint32_t member, uint32_t except) {
    return member == except && member != SIGNALING_NONE ? signaling_member_at(rooms, member)->next : member;
}

bool signaling_rooms_outputs_wait(struct signaling_rooms *rooms) {
    for (size_t i = 0; i < rooms->pending_count; i++) {
        if (rooms->pending[i].waiting)
            return true;
    }
    rooms->pending_count = 0;
    return false;
}

char *signaling_output_reserve(struct signaling_rooms *rooms, size_t length) {
    struct signaling_pending *pending = &rooms->pending[rooms->pending_count];
    if (length + 1 > pending->capacity) {
        char *text = realloc(pending->text, length + 1);
        if (text == NULL)
            return NULL;
        pending->text = text;
        pending->capacity = length + 1;
    }
    return pending->text;
}

void signaling_output_commit_for(struct signaling_rooms *rooms, size_t length, signaling_member member, uint16_t close_code) {
    struct signaling_pending *pending = &rooms->pending[rooms->pending_count++];
    pending->length = length;
    pending->member = member;
    pending->close_code = close_code;
    pending->for_one = pending->waiting = true;
}

void signaling_output_commit_room(struct signaling_rooms *rooms, size_t length, uint32_t room, uint32_t except) {
    struct signaling_pending *pending = &rooms->pending[rooms->pending_count++];
    pending->length = length;
    pending->close_code = 0;
    pending->for_one = false;
    pending->except = except;
    pending->cursor = skip(rooms, signaling_room_at(rooms, room)->first, except);
    pending->waiting = pending->cursor != SIGNALING_NONE;
}

static enum signaling_error write_message(struct signaling_rooms *rooms, const struct signaling_message *message, size_t *length) {
    signaling_message_write(message, NULL, 0, length);
    char *text = signaling_output_reserve(rooms, *length);
    return text == NULL ? SIGNALING_ERROR_MEMORY : signaling_message_write(message, text, *length + 1, length);
}

enum signaling_error signaling_output_for(struct signaling_rooms *rooms, const struct signaling_message *message, signaling_member member,
                                          uint16_t close_code) {
    size_t length = 0;
    enum signaling_error error = write_message(rooms, message, &length);
    if (error == SIGNALING_OK)
        signaling_output_commit_for(rooms, length, member, close_code);
    return error;
}

enum signaling_error signaling_output_room(struct signaling_rooms *rooms, const struct signaling_message *message, uint32_t room, uint32_t except) {
    size_t length = 0;
    enum signaling_error error = write_message(rooms, message, &length);
    if (error == SIGNALING_OK)
        signaling_output_commit_room(rooms, length, room, except);
    return error;
}

static void fill(struct signaling_output *out, const struct signaling_pending *pending, signaling_member member) {
    out->member = member;
    out->text = (struct signaling_text){pending->text, pending->length};
    out->close_code = pending->close_code;
}

bool signaling_rooms_poll_output(struct signaling_rooms *rooms, struct signaling_output *out) {
    for (size_t i = 0; i < rooms->pending_count; i++) {
        struct signaling_pending *pending = &rooms->pending[i];
        if (!pending->waiting)
            continue;
        if (pending->for_one) {
            fill(out, pending, pending->member);
            pending->waiting = false;
            return true;
        }
        const struct signaling_member_entry *member = signaling_member_at(rooms, pending->cursor);
        fill(out, pending, (signaling_member)member->generation << 32 | pending->cursor);
        pending->cursor = skip(rooms, member->next, pending->except);
        pending->waiting = pending->cursor != SIGNALING_NONE;
        return true;
    }
    return false;
}
