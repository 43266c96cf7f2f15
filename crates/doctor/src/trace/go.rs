//! Go: `panic: …`, `fatal error: …`, and the goroutines below.

use super::{Frame, Language, Trace, place};

pub(super) fn read(lines: &[&str]) -> Option<Trace> {
    let begins = |line: &&&str| line.starts_with("panic: ") || line.starts_with("fatal error: ");
    let what = lines.iter().find(begins)?;
    let first = lines.iter().position(|line| line.starts_with("goroutine ") && line.ends_with(':'))?;
    let mut frames = Vec::new();
    let mut rest = lines.iter().skip(first + 1).peekable();
    while let Some(call) = rest.next() {
        // The goroutine that failed stands first, and ends with an empty line.
        if call.trim().is_empty() {
            break;
        }
        let Some(source) = rest.next_if(|line| line.starts_with(['\t', ' '])) else { continue };
        let source = source.trim();
        let source = source.rsplit_once(" +0x").map_or(source, |(source, _)| source);
        let Some((file, line)) = place(source) else { continue };
        let function = call.strip_prefix("created by ").unwrap_or(call);
        let function = function.split(" in goroutine ").next().unwrap_or(function);
        frames.push(Frame {
            function: name(function).to_owned(),
            file: Some(file.to_owned()),
            line: Some(line),
            is_library: is_library(function, file),
        });
    }
    // What calls the panic handler is not what failed.
    let begin = frames.iter().rposition(|frame| frame.function == "panic").map_or(0, |at| at + 1);
    frames.drain(..begin.min(frames.len()));
    let what = what.trim_end_matches(" [recovered]");
    Some(Trace { language: Language::Go, what: what.to_owned(), frames })
}

/// `main.(*Server).serve(0xc0, {0x1})` without its arguments.
fn name(call: &str) -> &str {
    if !call.ends_with(')') {
        return call;
    }
    let mut depth = 0_usize;
    for (at, c) in call.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return call.get(..at).unwrap_or(call);
                }
            }
            _ => {}
        }
    }
    call
}

fn is_library(function: &str, file: &str) -> bool {
    let first = function.split(['.', '/']).next().unwrap_or_default();
    file.contains("/go/src/")
        || file.contains("/usr/local/go/")
        || file.contains("/pkg/mod/")
        || file.contains("/vendor/")
        || file.contains("/usr/lib/go")
        || matches!(first, "runtime" | "net" | "testing" | "sync" | "panic")
}

#[cfg(test)]
pub(super) const SAMPLE: &str = "panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x64e2a6]

goroutine 34 [running]:
panic({0x6b1f40?, 0x8f0a10?})
\t/usr/local/go/src/runtime/panic.go:770 +0x132
net/http.(*conn).serve.func1()
\t/usr/local/go/src/net/http/server.go:1898 +0xbe
panic({0x6b1f40?, 0x8f0a10?})
\t/usr/local/go/src/runtime/panic.go:770 +0x132
github.com/acme/orders/store.(*Orders).Total(0x0, {0xc000180000, 0x24})
\t/srv/build/orders/store/orders.go:47 +0x26
main.(*server).total(0xc00011e000, {0x755a28, 0xc00018a0e0}, 0xc000194000)
\t/srv/build/orders/main.go:112 +0x85
net/http.HandlerFunc.ServeHTTP(0xc000184000?, {0x755a28?, 0xc00018a0e0?}, 0x0?)
\t/usr/local/go/src/net/http/server.go:2166 +0x29
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3285 +0x4b4

goroutine 1 [IO wait]:
internal/poll.runtime_pollWait(0x7f5a, 0x72)
\t/usr/local/go/src/runtime/netpoll.go:345 +0x85";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Trace {
        super::super::read(text).unwrap()
    }

    #[test]
    fn a_panic_in_a_handler_is_read_down_to_the_programs_own_line() {
        let trace = of(SAMPLE);
        assert_eq!(trace.language, Language::Go);
        assert!(trace.what.contains("nil pointer dereference"));
        let culprit = trace.culprit().unwrap();
        assert_eq!(
            culprit.to_string(),
            "/srv/build/orders/store/orders.go:47 in github.com/acme/orders/store.(*Orders).Total"
        );
        assert_eq!(trace.frames.last().unwrap().function, "net/http.(*Server).Serve");
    }

    #[test]
    fn a_plain_panic_and_a_fatal_error() {
        let trace =
            of("panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/main.go:4 +0x25\nexit status 2");
        assert_eq!(trace.culprit().unwrap().to_string(), "/srv/main.go:4 in main.main");
        let trace = of(
            "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.wait(...)\n\t/srv/a.go:9\nmain.main()\n\t/srv/a.go:5 +0x1d",
        );
        assert_eq!(trace.culprit().unwrap().to_string(), "/srv/a.go:9 in main.wait");
        assert_eq!(trace.what, "fatal error: all goroutines are asleep - deadlock!");
    }
}
