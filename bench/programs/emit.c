// emit GO REPORT BYTES CHUNK: once GO can be opened, writes BYTES of numbered 100-byte lines to stdout, CHUNK bytes
// a write, then reports "START END" (nanoseconds, CLOCK_MONOTONIC) into REPORT and sleeps for ever.
// The lines look like those of a service: what is searched in them or compresses them meets nothing unusual.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 100, DIGITS = 12, TEXTS = 80000 };

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// The same numbers in every run (xorshift).
static unsigned long long chance(void) {
    static unsigned long long state = 88172645463325252ULL;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

// Makes all the texts there are, 8 MB: more than a compressor looks back upon. Of 1000 lines 989 are of level info,
// 10 warn and 1 is an error.
static char *texts(void) {
    static const char *const paths[] = {"orders", "users", "baskets", "invoices", "search", "health", "items", "sessions"};
    static const char *const methods[] = {"GET", "GET", "GET", "POST", "PUT", "DELETE"};
    char *all = malloc((long)TEXTS * LINE), text[2 * LINE];
    for (long i = 0; i < TEXTS; i++) {
        unsigned level = chance() % 1000;
        int length = snprintf(text, sizeof text, "%s %s /api/v1/%s/%llu status=%d ms=%llu trace=%016llx",
            level == 0 ? "ERROR" : level <= 10 ? "WARN " : "INFO ", methods[chance() % 6], paths[chance() % 8], chance() % 100000,
            level == 0 ? 500 : level <= 10 ? 404 : 200, chance() % 1000, chance());
        char *line = all + i * LINE;
        memset(line, ' ', LINE);
        int room = LINE - DIGITS - 2;
        memcpy(line + DIGITS + 1, text, length < room ? length : room);
        for (char *rest = line + DIGITS + 1 + length; rest < line + LINE - 1; rest++) *rest = 'a' + chance() % 16;
        line[LINE - 1] = '\n';
    }
    return all;
}

// Writes all of it, however many writes that takes.
static void put(const char *bytes, long length) {
    while (length > 0) {
        ssize_t written = write(1, bytes, length);
        if (written < 0) {
            perror("emit: stdout");
            exit(1);
        }
        bytes += written;
        length -= written;
    }
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    long long bytes = atoll(arguments[3]);
    long lines = atol(arguments[4]) / LINE;
    if (lines < 1) lines = 1;
    char *all = texts();

    int go = open(arguments[1], O_RDONLY);  // waits until the driver opens it for writing
    if (go < 0) {
        perror("emit: go");
        return 1;
    }
    long long start = now(), written = 0;
    unsigned long long number = 0;
    long next = 0;
    while (written < bytes) {
        long length = 0;
        if (next + lines > TEXTS) next = 0;
        char *chunk = all + next * LINE;
        next += lines;
        for (long i = 0; i < lines && written + length < bytes; i++, length += LINE) {
            char *line = chunk + i * LINE;
            unsigned long long rest = number++;
            for (int digit = DIGITS - 1; digit >= 0; digit--, rest /= 10) line[digit] = '0' + rest % 10;
        }
        put(chunk, length);
        written += length;
    }
    long long end = now();
    int report = open(arguments[2], O_WRONLY | O_NONBLOCK);
    dprintf(report, "%lld %lld\n", start, end);
    close(report);
    for (;;) pause();
}
