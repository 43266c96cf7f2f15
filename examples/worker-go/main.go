// Worker takes one job after another and, when it is asked to stop, finishes the job in hand first.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	every := flag.Duration("every", time.Second, "how often a job comes")
	flag.Parse()

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)

	jobs := time.NewTicker(*every)
	defer jobs.Stop()
	fmt.Printf("worker ready, process %d\n", os.Getpid())
	done := 0
	for {
		select {
		case <-jobs.C:
			done++
			work(done)
		case sig := <-stop:
			fmt.Printf("stopping: %v; %d jobs done\n", sig, done)
			return
		}
	}
}

func work(number int) {
	time.Sleep(100 * time.Millisecond)
	fmt.Printf("job %d done\n", number)
}
