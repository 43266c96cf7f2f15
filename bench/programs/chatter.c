// chatter NAME LEDGERS TEXT RATE LONGEST: prints until SIGTERM, on both streams, now nothing, now as fast as it can,
// in whole lines, pieces of lines and many lines at once, about RATE bytes a second in the long run. Now and then it
// ends by itself, in the middle of a line.
//
//   NAME.o RUN NUMBER OFFSET LENGTH …text… CHECKSUM
//
// is a line: numbered within its run and stream, LENGTH bytes of the file TEXT at OFFSET, and the CRC-32 of all that.
// What the pipes have taken stands in a file of its own in LEDGERS, in memory that outlives the program however it
// ends. LONGEST is the length of the longest texts.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 64 << 10, HEAD = 128, RUNS = 1, ENDED = 2, BROKEN = 3 };

// Read by soaking/ledger.py: keep both alike.
struct stream {
    uint64_t bytes, lines;              // taken by the pipe
    uint64_t offered, offered_lines;    // of the write that is being made: taken or not
    uint64_t capacity;                  // of the pipe
    uint64_t next;                      // number of the next line
};
struct ledger {
    uint64_t pid, state;
    struct stream streams[2];
};

static struct ledger *ledger;
static volatile sig_atomic_t asked;
static const char *name, *text;
static uint64_t run, longest, chances;
static long text_length;
static char *piece;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

// xorshift: a number below `limit`.
static uint64_t chance(uint64_t limit) {
    chances ^= chances << 13;
    chances ^= chances >> 7;
    chances ^= chances << 17;
    return chances % limit;
}

static void stop(int number) {
    (void)number;
    asked = 1;
}

static void nap(long micros) {
    struct timespec t = {micros / 1000000, micros % 1000000 * 1000};
    if (!asked) nanosleep(&t, NULL);
}

static uint32_t checksum(const char *bytes, long length) {
    static uint32_t table[256];
    if (!table[1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
            table[i] = value;
        }
    }
    uint32_t sum = ~0u;
    for (long i = 0; i < length; i++) sum = table[(sum ^ bytes[i]) & 255] ^ sum >> 8;
    return ~sum;
}

static long lines_in(const char *bytes, long length) {
    long lines = 0;
    for (const char *at = bytes, *end = bytes + length; (at = memchr(at, '\n', end - at)); at++) lines++;
    return lines;
}

// Writes all of it and keeps the ledger.
static void put(int which, const char *bytes, long length) {
    struct stream *stream = &ledger->streams[which];
    int capacity = fcntl(which + 1, F_GETPIPE_SZ);
    if (capacity > 0) stream->capacity = capacity;
    while (length > 0) {
        stream->offered_lines = lines_in(bytes, length);
        stream->offered = length;
        ssize_t taken = write(which + 1, bytes, length);
        if (taken < 0 && errno == EINTR) continue;
        if (taken < 0) {
            stream->offered = stream->offered_lines = 0;
            ledger->state = BROKEN;
            exit(1);
        }
        stream->bytes += taken;
        stream->lines += lines_in(bytes, taken);
        stream->offered = stream->offered_lines = 0;
        bytes += taken;
        length -= taken;
    }
}

// Makes the next line of a stream, with its line feed; its length.
static long make(int which, char *line, uint64_t length) {
    uint64_t offset = chance(text_length - length);
    long head = sprintf(line, "%s.%c %016llx %010llu %07llu %06llu ", name, "oe"[which], (unsigned long long)run,
                        (unsigned long long)ledger->streams[which].next++, (unsigned long long)offset, (unsigned long long)length);
    memcpy(line + head, text + offset, length);
    head += length;
    return head + sprintf(line + head, " %08x\n", checksum(line, head));
}

static uint64_t usual_length(void) {
    return chance(20) ? chance(160) : chance(2000);
}

// Lines as fast as they are taken, many a write or one.
static void burst(int which, long bytes, int many) {
    while (bytes > 0 && !asked) {
        long held = 0;
        do held += make(which, piece + held, usual_length());
        while (many && held < PIECE - 4096);
        put(which, piece, held);
        bytes -= held;
    }
}

static void in_pieces(int which) {
    long length = make(which, piece, usual_length()), cut = 1 + chance(length - 1);
    put(which, piece, cut);
    nap(chance(300000));
    put(which, piece + cut, length - cut);
}

static uint64_t written(void) {
    return ledger->streams[0].bytes + ledger->streams[1].bytes;
}

int main(int count, char **arguments) {
    if (count != 6) return 2;
    name = arguments[1];
    uint64_t rate = strtoull(arguments[4], NULL, 10), start = now();
    longest = strtoull(arguments[5], NULL, 10);
    run = start;
    chances = (start ^ (uint64_t)getpid() << 32) | 1;
    piece = malloc(longest + PIECE + HEAD);

    struct stat about;
    int file = open(arguments[3], O_RDONLY);
    if (file < 0 || fstat(file, &about) < 0) return 3;
    text_length = about.st_size;
    text = mmap(NULL, text_length, PROT_READ, MAP_PRIVATE, file, 0);
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%016llx", arguments[2], name, (unsigned long long)run);
    file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file < 0 || ftruncate(file, sizeof *ledger) < 0) return 3;
    ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (text == MAP_FAILED || ledger == MAP_FAILED) return 3;
    ledger->pid = getpid();
    ledger->state = RUNS;

    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    while (!asked) {
        int which = chance(4) == 0;
        switch (chance(12)) {
            case 0: nap(chance(1000000)); break;
            case 1: case 2:
                for (int i = chance(20); i > 0 && !asked; i--) {
                    put(which, piece, make(which, piece, usual_length()));
                    nap(chance(50000));
                }
                break;
            case 3: case 4: in_pieces(which); break;
            case 5: case 6: burst(which, chance(1 << 19), 1); break;
            case 7: burst(which, chance(4 * rate), 1); break;
            case 8: burst(which, chance(1 << 18), 0); break;
            case 9: put(which, piece, make(which, piece, chance(40) ? chance(longest / 20) : longest)); break;
            default: nap(chance(200000)); break;
        }
        if (chance(400) == 0) break;
        // Not faster than it should be in the long run.
        double ahead = (double)written() / rate - (now() - start) / 1e9;
        if (ahead > 0) nap(ahead < 2 ? (long)(ahead * 1e6) : 2000000);
    }
    if (!asked && chance(2)) {
        long length = make(0, piece, usual_length()) - 1;
        put(0, piece, length);
        ledger->streams[0].lines++;
    }
    ledger->state = ENDED;
    return chance(2) ? 0 : 3;
}
