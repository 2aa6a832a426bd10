/*
 * A part of fuzz_ice.c: what scripts can do to servers and streams (codes 0x30..0x3F). It works on the world of that file, in whose middle it is
 * included.
 */
static void close_stream(int index, uint8_t which, uint8_t error) {
    struct side *side = &world.side[index];
    if (side->stream_count == 0)
        return;
    struct stream *stream = &side->streams[which % side->stream_count];
    stream->state = STREAM_OVER;
    ice_agent_handle_stream_closed(side->agent, world.now_us, &stream->path, error % 8 < 6 ? -(int)(error % 8) : error);
    drain(index);
}

static void raw_from_server(int index, bool is_stream, uint8_t which) {
    struct side *side = &world.side[index];
    uint8_t bytes[256];
    size_t length = next_byte();
    for (size_t i = 0; i < length; i++)
        bytes[i] = next_byte();
    struct stun_address at = address_of(index, 5000);
    if (!is_stream)
        handle(index, &server_address, &at, bytes, length);
    else if (side->stream_count > 0)
        handle_stream(index, &side->streams[which % side->stream_count], bytes, length);
}

static void split_oldest(uint8_t where) {
    if (world.queue_count == 0)
        return;
    struct flying flying = take_oldest();
    const struct stream *stream = flying.is_of_server ? find_stream(flying.from, flying.path.stream_id) : NULL;
    if (stream == NULL || stream->state != STREAM_OPEN) {
        deliver(&flying, true);
        return;
    }
    size_t first = where % (flying.length + 1);
    if (flying.has_answer)
        world.side[flying.from].last_answer_us = world.now_us;
    handle_stream(flying.from, stream, flying.bytes, first);
    if (stream->state == STREAM_OPEN)
        handle_stream(flying.from, stream, flying.bytes + first, flying.length - first);
}

static void send_payload(int index, size_t length) {
    uint8_t buffer[ICE_HEADROOM_BYTES + 256 + ICE_TAILROOM_BYTES];
    struct ice_transmit out;
    memset(buffer + ICE_HEADROOM_BYTES, 0x90, length);
    if (ice_agent_wrap_payload(world.side[index].agent, world.now_us, buffer, length, ICE_HEADROOM_BYTES + length + ICE_TAILROOM_BYTES, &out) != ICE_OK)
        return;
    REQUIRE(out.offset <= ICE_HEADROOM_BYTES && out.offset + out.length <= ICE_HEADROOM_BYTES + length + ICE_TAILROOM_BYTES);
    struct flying sent = {.path = out.path, .length = out.length, .from = index};
    memcpy(sent.bytes, buffer + out.offset, out.length);
    if (world.queue_count < IN_FLIGHT_MAX)
        world.queue[world.queue_count++] = sent;
}

static void resolved(int index, uint8_t which, uint8_t count) {
    struct stun_address addresses[4] = {{.family = STUN_ADDRESS_IPV4, .ip = {192, 0, 2, 202}}, server_address,
                                        {.family = STUN_ADDRESS_IPV6, .ip = {0x20, 1, 0xd, 0xb8, 1}}, {.family = STUN_ADDRESS_IPV4}};
    size_t first = count & 16 ? 1 : 0;
    ice_agent_handle_resolved(world.side[index].agent, world.now_us, which % 5, addresses + first, count % (5 - first));
    drain(index);
}

static void message_from_server(int index, uint8_t kind, uint8_t code) {
    uint8_t bytes[ICE_DATAGRAM_MAX_BYTES], id[STUN_TRANSACTION_ID_BYTES] = {0};
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, (enum stun_class)(kind >> 6), kind % 16, id);
    if (kind >> 6 == STUN_CLASS_ERROR_RESPONSE)
        stun_writer_add_error_code(&writer, (uint16_t)(300 + code), "");
    struct stun_address at = address_of(index, 5000);
    handle(index, &server_address, &at, bytes, (size_t)stun_writer_finish(&writer));
}

/* The oldest is a request to the server: an error for it, as an off-path attacker could not, but the server can. */
static void answer_with_error(uint8_t code) {
    struct stun_message request;
    if (world.queue_count == 0)
        return;
    struct flying flying = take_oldest();
    if (flying.is_of_server || !is_to_server(&flying.path) || stun_message_parse(flying.bytes, flying.length, &request) != STUN_OK)
        return;
    struct relay_double_output out = {.flow = {.client = flying.path.local}};
    if (flying.path.transport != ICE_TRANSPORT_UDP)
        out.flow.stream_id = flying.path.stream_id * 2 + (uint64_t)flying.from;
    struct stun_writer writer;
    stun_writer_begin(&writer, out.bytes, sizeof out.bytes, STUN_CLASS_ERROR_RESPONSE, request.method, request.transaction_id);
    stun_writer_add_error_code(&writer, (uint16_t)(300 + code), "no");
    if (code == 0)
        stun_writer_add_address(&writer, STUN_ATTRIBUTE_ALTERNATE_SERVER, &world.server.alternate);
    if (request.integrity_offset != 0)
        stun_writer_add_integrity(&writer, world.server.key);
    int length = stun_writer_finish(&writer);
    REQUIRE(length > 0);
    out.length = (size_t)length;
    enqueue_output(&out, false);
}

static void operate_on_relays(int side, enum relay_operation operation) {
    static const uint16_t refusals[8] = {0, 300, 400, 437, 441, 486, 500, 508};
    switch (operation) {
    case RELAY_STREAM_OPENED: open_stream(side); break;
    case RELAY_STREAM_CLOSED: {
        uint8_t which = next_byte();
        close_stream(side, which, next_byte());
        break;
    }
    case RELAY_STREAM_RAW: raw_from_server(side, true, next_byte()); break;
    case RELAY_SPLIT: split_oldest(next_byte()); break;
    case RELAY_PAYLOAD: send_payload(side, next_byte()); break;
    case RELAY_RESTARTS: relay_double_restart(&world.server); break;
    case RELAY_DOWN: world.server.is_down = !world.server.is_down; break;
    case RELAY_REFUSES: world.server.refuse = refusals[next_byte() % 8]; break;
    case RELAY_FORBIDS: world.server.forbidden = address_of(next_byte() % 3, 0); break;
    case RELAY_RAW: raw_from_server(side, false, 0); break;
    case RELAY_RESOLVED: {
        uint8_t which = next_byte();
        resolved(side, which, next_byte());
        break;
    }
    case RELAY_CLOSE_AGENT:
        ice_agent_close(world.side[side].agent, world.now_us);
        world.side[side].closed = world.reached.closed = true;
        world.side[side].failed = false;
        drain(side);
        break;
    case RELAY_MESSAGE: {
        uint8_t kind = next_byte();
        message_from_server(side, kind, next_byte());
        break;
    }
    case RELAY_ANSWER_ERROR: answer_with_error(next_byte()); break;
    case RELAY_OPERATION_COUNT: break;
    }
}
