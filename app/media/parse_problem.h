/* What a parser of a media file says when the bytes break a rule: pure data, turned into sentences by file_source.c. */
#ifndef MEDIA_PARSE_PROBLEM_H
#define MEDIA_PARSE_PROBLEM_H

#include <stddef.h>

struct media_parse_problem {
    size_t offset;                    /* of the first offending byte in the file */
    const char *rule;                 /* a static sentence */
};

#endif
