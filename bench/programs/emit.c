// emit GO REPORT BYTES CHUNK: once GO can be opened, writes BYTES of numbered 100-byte lines to stdout, CHUNK bytes
// a write, then reports "START END" (nanoseconds, CLOCK_MONOTONIC) into REPORT and sleeps for ever.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 100, DIGITS = 12 };

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
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
    char *chunk = malloc(lines * LINE);
    memset(chunk, 'x', lines * LINE);

    int go = open(arguments[1], O_RDONLY);  // waits until the driver opens it for writing
    if (go < 0) {
        perror("emit: go");
        return 1;
    }
    long long start = now(), written = 0;
    unsigned long long number = 0;
    while (written < bytes) {
        long length = 0;
        for (long i = 0; i < lines && written + length < bytes; i++, length += LINE) {
            char *line = chunk + i * LINE;
            unsigned long long rest = number++;
            for (int digit = DIGITS - 1; digit >= 0; digit--, rest /= 10) line[digit] = '0' + rest % 10;
            line[DIGITS] = ' ';
            line[LINE - 1] = '\n';
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
