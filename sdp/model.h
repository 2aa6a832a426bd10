/*
 * Session descriptions: parse, walk, write back, edit (RFC 8866).
 *
 *      v=0                                    <- session level: RFC 8866 sections 5.1 to 5.13
 *      o=- 4611731400430051336 2 IN IP4 127.0.0.1
 *      s=-
 *      t=0 0
 *      a=group:BUNDLE 0 1
 *      m=audio 9 UDP/TLS/RTP/SAVPF 111        <- section 0: from its m= line to the next (section 5.14)
 *      a=mid:0
 *      m=video 9 UDP/TLS/RTP/SAVPF 96         <- section 1
 *      a=mid:1
 *
 * A parsed session is a struct of views into the text: nothing is copied, nothing allocated, and the text must outlive
 * it. Lines are not stored but walked again, since splitting a line costs less than remembering it. The text itself is
 * the model: order, unknown attributes and trailing spaces are kept, and sdp_write gives them back byte for byte.
 */
#ifndef SDP_MODEL_H
#define SDP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What can go wrong, in three tiers.
 *   peer    (the description is broken, or cannot be agreed to; nothing changed)   SYNTAX, LIMIT, DISAGREEMENT
 *   caller  (nothing changed; call again, corrected)                               ARGUMENT, BUFFER, NOT_FOUND
 *   fatal   (the allocator said no; nothing changed)                               MEMORY
 */
enum sdp_error {
    SDP_OK = 0,
    SDP_ERROR_SYNTAX = -1,       /* a line breaks the grammar; struct sdp_problem says which, where and by which rule */
    SDP_ERROR_LIMIT = -2,        /* a named capacity below is passed; struct sdp_problem says which */
    SDP_ERROR_DISAGREEMENT = -3, /* offer and answer do not belong together, or nothing in them can be agreed */
    SDP_ERROR_ARGUMENT = -4,     /* a value out of the range this header gives */
    SDP_ERROR_BUFFER = -5,       /* the text would not fit the capacity */
    SDP_ERROR_NOT_FOUND = -6,    /* there is no such attribute or section */
    SDP_ERROR_MEMORY = -7        /* the allocator returned NULL */
};

/* The capacities, all in one place. Each is the largest count that is accepted. */
#define SDP_TEXT_MAX_BYTES (256u * 1024u)
#define SDP_SECTION_MAX 128
#define SDP_ATTRIBUTE_MAX 2048 /* a= lines in one section, and at session level */
#define SDP_OTHER_LINE_MAX 1024 /* lines that are not a=, behind the m= of one section, and behind s= at session level */
#define SDP_FORMAT_MAX 256     /* formats in one m= line */

/* Bytes inside someone else's text; never NUL-terminated. `text` may be NULL when `length` is 0. */
struct sdp_view {
    const char *text;
    size_t length;
};

/* Same bytes? The second form compares with a NUL-terminated string; _ignoring_case folds ASCII letters only. */
bool sdp_view_equal(struct sdp_view a, struct sdp_view b);
bool sdp_view_is(struct sdp_view view, const char *string);
bool sdp_view_is_ignoring_case(struct sdp_view view, const char *string);

/* Where and why a description was refused. */
struct sdp_problem {
    size_t line;          /* counted from 1; 0 when no line is to blame */
    size_t column;        /* in bytes, counted from 1: where `text` begins in its line */
    struct sdp_view text; /* the offending text, a view into the input; may be empty */
    const char *rule;     /* a static sentence that names the RFC section */
};

/* m= and what follows it (RFC 8866 section 5.14). Every view is into the session's text. */
struct sdp_section {
    size_t index;               /* 0 .. section_count - 1: the order of m= lines */
    size_t line;                /* number of the m= line */
    struct sdp_view text;       /* the whole section, m= line and line ends included */
    struct sdp_view media;      /* "audio", "video", "application", ... */
    uint16_t port;              /* 0: refused, or bundle-only (RFC 9143 section 6) */
    uint32_t port_count;        /* 1 unless "port/count" is given */
    struct sdp_view protocol;   /* "UDP/TLS/RTP/SAVPF", ... */
    struct sdp_view formats;    /* separated by single spaces; at least one */
    size_t format_count;        /* 1 .. SDP_FORMAT_MAX */
    size_t attribute_count;     /* 0 .. SDP_ATTRIBUTE_MAX */
    struct sdp_view mid;        /* a=mid (RFC 5888 section 4); empty when absent */
    size_t bundle_first;        /* index of the first section in the list of its a=group:BUNDLE; SDP_NO_SECTION: in none */
};
#define SDP_NO_SECTION SIZE_MAX

/* o= (RFC 8866 section 5.2). The two numbers have any number of digits, hence views. */
struct sdp_origin {
    struct sdp_view username;
    struct sdp_view session_id;
    struct sdp_view session_version;
    struct sdp_view network_type;
    struct sdp_view address_type;
    struct sdp_view address;
};

/* Where the first attribute of a kind stands at session level: readers ask for it for every section. */
struct sdp_place {
    const char *at; /* of its line; NULL: there is none */
    size_t line;
};
#define SDP_PLACE_MAX 40 /* at least SDP_ATTRIBUTE_KIND_COUNT, of sdp/attributes.h */

#define SDP_MID_SLOT_COUNT 256 /* twice as many as there can be mids */

/* A parsed description: about 20 KiB; valid as long as the text given to sdp_parse. */
struct sdp_session {
    struct sdp_view text;   /* everything */
    struct sdp_view header; /* the session level: everything before the first m= */
    struct sdp_origin origin;
    size_t header_attribute_count; /* 0 .. SDP_ATTRIBUTE_MAX */
    struct sdp_place header_places[SDP_PLACE_MAX]; /* by enum sdp_attribute_kind */
    unsigned char mid_slots[SDP_MID_SLOT_COUNT]; /* a hash table: 1 + the index of the section with a mid; 0: free */
    size_t section_count;          /* 0 .. SDP_SECTION_MAX */
    struct sdp_section sections[SDP_SECTION_MAX]; /* only the first section_count are written */
};

/*
 * Parses `length` bytes. Lines end in CRLF or LF; the last may lack its end; a c= line may be missing. Every line must
 * follow the grammar of RFC 8866 section 9, and every attribute that sdp/attributes.h knows its own grammar. Attributes
 * it does not know are kept. Also refused: the same mid twice, a group that names an absent mid, and two different
 * ice-ufrag or ice-pwd in one section, since one of them would be believed by chance.
 * text     referenced: must outlive `out`; may hold any bytes; may be NULL when `length` is 0
 * out      written; unspecified after an error
 * problem  written after an error; nullable
 * Returns SDP_OK; SDP_ERROR_SYNTAX or SDP_ERROR_LIMIT: tell the sender, or the person, what `problem` says.
 */
int sdp_parse(const char *text, size_t length, struct sdp_session *out, struct sdp_problem *problem);

/*
 * Writes the session back: its own text, each line ended by CRLF (a last line without an end keeps none). No NUL.
 * Returns the number of bytes, at most twice the input; SDP_ERROR_BUFFER: nothing useful is in `buffer`, try a larger one.
 */
int sdp_write(const struct sdp_session *session, char *buffer, size_t capacity);

/* ---- walking ------------------------------------------------------------------------------------------------------ */

/* One line: "t=v". Views exclude the line end. */
struct sdp_line {
    size_t number;         /* counted from 1 */
    struct sdp_view text;  /* all of it */
    char type;             /* the letter before '=' */
    struct sdp_view value; /* behind '='; may be empty */
};

/* A place in a text that sdp_parse accepted. A value: copy it to remember the place. */
struct sdp_walk {
    const char *at;
    const char *end;
    size_t line; /* number of the line at `at` */
};

struct sdp_walk sdp_walk_header(const struct sdp_session *session);
struct sdp_walk sdp_walk_section(const struct sdp_section *section);
/* The next line into `out`; false at the end. */
bool sdp_walk_line(struct sdp_walk *walk, struct sdp_line *out);

/* ---- editing ------------------------------------------------------------------------------------------------------ */

#define SDP_SESSION_LEVEL SIZE_MAX /* in place of a section's index */

/*
 * These write a new text with one line changed, added or removed, and every other byte as sdp_write gives it.
 * index   of a section, or SDP_SESSION_LEVEL
 * name    of the attribute, a token (RFC 8866 section 9), NUL-terminated
 * value   NUL-terminated, without CR or LF; NULL: the attribute has no value ("a=name")
 * Return the number of bytes written. SDP_ERROR_ARGUMENT: name or value could not stand in a line;
 * SDP_ERROR_NOT_FOUND: no such section or attribute; SDP_ERROR_BUFFER: try a larger one.
 */
/* The first attribute of that name gets the value. */
int sdp_edit_replace(const struct sdp_session *session, size_t index, const char *name, const char *value, char *buffer,
                     size_t capacity);
/* A new line at the end of the section or of the session level. */
int sdp_edit_add(const struct sdp_session *session, size_t index, const char *name, const char *value, char *buffer,
                 size_t capacity);
/* The first attribute of that name disappears. */
int sdp_edit_remove(const struct sdp_session *session, size_t index, const char *name, char *buffer, size_t capacity);

/* ---- owning ------------------------------------------------------------------------------------------------------- */

/*
 * Where the memory of a description comes from.
 * context   handed to both functions, never looked at
 * allocate  returns `bytes` bytes aligned for any type, or NULL
 * release   takes back what allocate returned
 */
struct sdp_allocator {
    void *context;
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *memory);
};

/* A session and the text it looks into, in one piece of memory. */
struct sdp_description {
    struct sdp_session session;
    struct sdp_allocator allocator;
    char *text; /* NUL-terminated behind session.text.length bytes */
};

/*
 * Copies the text once and parses the copy: the input may go when the call is over.
 * allocator  NULL: malloc. Copied.
 * out        written on success; the caller frees it with sdp_description_free
 * problem    nullable; its `text` is a view into the *input*, since the copy is gone after an error
 * Returns SDP_OK, SDP_ERROR_SYNTAX, SDP_ERROR_LIMIT or SDP_ERROR_MEMORY.
 */
int sdp_description_new(const char *text, size_t length, const struct sdp_allocator *allocator,
                        struct sdp_description **out, struct sdp_problem *problem);
void sdp_description_free(struct sdp_description *description); /* nullable */

#endif
