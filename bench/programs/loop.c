// loop PROGRAM ARGUMENTS...: runs PROGRAM again whenever it ends. Nothing more: the floor under every restart latency.
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count < 2) return 2;
    for (;;) {
        pid_t child = fork();
        if (child == 0) {
            execv(arguments[1], arguments + 1);
            perror("loop: exec");
            _exit(127);
        }
        if (child < 0 || waitpid(child, NULL, 0) < 0) {
            perror("loop");
            return 1;
        }
    }
}
