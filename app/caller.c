/* caller: joins a room and calls the other side when it is ready. docs/programs.md */
#include "app/call/call.h"

int main(int argument_count, char **arguments) {
    return call_main(argument_count, arguments, "caller", true);
}
