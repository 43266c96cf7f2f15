// tick GO SECONDS RATE: once GO can be opened, writes 100-byte lines for so many seconds, one line a write, RATE a
// second (0: as fast as they are taken). Each begins with the time of its write (nanoseconds, CLOCK_MONOTONIC); after
// the last comes a line "end". Then it sleeps for ever.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 100, DIGITS = 19 };

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_until(long long when) {
    struct timespec t = {when / 1000000000LL, when % 1000000000LL};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    double seconds = atof(arguments[2]);
    long rate = atol(arguments[3]);
    char line[LINE];
    memset(line, '.', LINE);
    line[DIGITS] = ' ';
    line[LINE - 1] = '\n';

    if (open(arguments[1], O_RDONLY) < 0) {  // waits until the driver opens it for writing
        perror("tick: go");
        return 1;
    }
    long long start = now(), end = start + (long long)(seconds * 1e9), due = start;
    srand48(start);
    for (long long time = start; time < end; time = now()) {
        unsigned long long rest = time;
        for (int digit = DIGITS - 1; digit >= 0; digit--, rest /= 10) line[digit] = '0' + rest % 10;
        if (write(1, line, LINE) != LINE) {
            perror("tick: stdout");
            return 1;
        }
        if (rate > 0) {
            // Slow lines come irregularly, so that no rhythm of the reader's is met; fast ones in step.
            double step = 1e9 / rate * (rate < 1000 ? 0.5 + drand48() : 1.0);
            due += (long long)step;
            if (due > now()) sleep_until(due);
        }
    }
    if (write(1, "end\n", 4) != 4) return 1;
    for (;;) pause();
}
