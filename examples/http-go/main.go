// Hello is an HTTP server to run under Abide.
//
//	/         greets, and tells the process and its age
//	/healthz  answers "ok", for probes
//	/slow     answers after two seconds, to see that a stop lets it finish
//
// It stops gracefully on SIGTERM and Ctrl-C (on Windows also on Ctrl-Break and when its console closes).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// drainLimit bounds how long a stop waits for requests that are under way.
const drainLimit = 5 * time.Second

func main() {
	log.SetFlags(0)
	port := flag.Int("port", 9000, "port to listen on")
	flag.Parse()

	// Asked for before the port opens, so that no stop finds us unprepared.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)

	if err := run(*port, stop); err != nil {
		log.Fatalf("hello: %v", err)
	}
}

func run(port int, stop <-chan os.Signal) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("cannot listen on port %d: %w", port, err)
	}
	server := &http.Server{Handler: routes(time.Now()), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Printf("listening on http://%s\n", listener.Addr())

	select {
	case err := <-failed:
		return err
	case sig := <-stop:
		fmt.Printf("stopping: %v\n", sig)
	}

	deadline, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	if err := server.Shutdown(deadline); errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("requests were still under way after %v", drainLimit)
	} else if err != nil {
		return err
	}
	fmt.Println("stopped: every request was answered")
	return nil
}

func routes(started time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Printf("%s %s\n", r.Method, r.URL.Path)
		fmt.Fprintf(w, "Hello from process %d, up %v\n", os.Getpid(), time.Since(started).Round(time.Millisecond))
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(2 * time.Second)
		fmt.Fprintln(w, "done")
	})
	return mux
}
