// stamp PIPE: writes one line "NANOSECONDS PID" (CLOCK_MONOTONIC at the entry of main) into PIPE, one for the log to
// stdout, then sleeps for ever.
// Small and static, so that what is measured is the supervisor and not the loading of its program.
// Where no argument can be given, the environment's STAMP names the pipe.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **arguments) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const char *path = count > 1 ? arguments[1] : getenv("STAMP");
    char line[64];
    int length = snprintf(line, sizeof line, "%lld %d\n", now.tv_sec * 1000000000LL + now.tv_nsec, getpid());
    int pipe = path ? open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (pipe < 0 || write(pipe, line, length) != length) {
        perror("stamp");
        return 1;
    }
    close(pipe);
    printf("program %d runs\n", getpid());
    fflush(stdout);
    for (;;) pause();
}
