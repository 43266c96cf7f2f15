// lag [FILE]: reads the lines of tick from FILE, which grows, or from stdin, and tells how long ago each was written
// when it could be read: "LINES P50 P99 MAX" (microseconds) on stdout when the line "end" has come.
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

enum { BUCKETS = 1000000, WIDTH = 10, BUFFER = 1 << 20, DIGITS = 19 };

static unsigned buckets[BUCKETS];  // of WIDTH microseconds each
static char buffer[BUFFER];

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long share(long long lines, double part) {
    long long left = (long long)(lines * part);
    for (long i = 0; i < BUCKETS; i++) {
        if ((left -= buckets[i]) < 0) return (long long)i * WIDTH;
    }
    return (long long)BUCKETS * WIDTH;
}

int main(int count, char **arguments) {
    int in = count > 1 ? open(arguments[1], O_RDONLY) : 0;
    int changes = inotify_init();
    if (in < 0 || (count > 1 && inotify_add_watch(changes, arguments[1], IN_MODIFY) < 0)) {
        perror("lag");
        return 1;
    }
    long long lines = 0, most = 0;
    for (long held = 0;;) {
        long got = read(in, buffer + held, BUFFER - held);
        if (got < 0) return 1;
        if (got == 0) {
            if (count == 1) return 1;  // ended before the last line
            char event[4096];
            if (read(changes, event, sizeof event) < 0) return 1;
            continue;
        }
        long long time = now();
        char *line = buffer, *end = buffer + held + got, *next;
        for (; (next = memchr(line, '\n', end - line)); line = next + 1) {
            if (next - line == 3 && !memcmp(line, "end", 3)) {
                printf("%lld %lld %lld %lld\n", lines, share(lines, 0.5), share(lines, 0.99), most);
                return 0;
            }
            if (next - line < DIGITS) continue;
            long long stamp = 0;
            for (int digit = 0; digit < DIGITS; digit++) stamp = stamp * 10 + (line[digit] - '0');
            long long ago = (time - stamp) / 1000;
            buckets[ago / WIDTH < BUCKETS ? ago / WIDTH : BUCKETS - 1]++;
            if (ago > most) most = ago;
            lines++;
        }
        held = end - line;
        memmove(buffer, line, held);
    }
}
