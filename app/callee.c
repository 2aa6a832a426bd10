/* callee: joins a room and answers whoever calls. docs/programs.md */
#include "app/call/call.h"

int main(int argument_count, char **arguments) {
    return call_main(argument_count, arguments, "callee", false);
}
