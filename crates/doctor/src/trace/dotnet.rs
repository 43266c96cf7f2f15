//! .NET: `Unhandled exception. …` and `at N.C.M(T x) in FILE:line N` below.

use super::{Frame, Language, Trace};

pub(super) fn read(lines: &[&str]) -> Option<Trace> {
    let first = lines.iter().position(|line| frame(line).is_some())?;
    // One frame alone looks like many things; its source, or the words before it, tell.
    let told = lines.get(..first)?;
    let is_named = told.iter().any(|line| line.contains("Exception"));
    let is_sourced = lines.iter().skip(first).any(|line| line.contains(":line "));
    if !is_named && !is_sourced {
        return None;
    }
    // `Outer: why\n ---> Inner: because\n   at …\n   --- End of inner exception stack trace ---\n   at …`
    let inner = told.iter().rev().find_map(|line| line.trim().strip_prefix("---> "));
    let outer = told.iter().rev().find(|line| line.contains("Exception")).map(|line| line.trim());
    let what = inner.or(outer).or_else(|| told.last().map(|line| line.trim()))?;
    let what = what.strip_prefix("Unhandled exception. ").unwrap_or(what);
    let what = what.strip_prefix("Unhandled Exception: ").unwrap_or(what);
    let below = lines.iter().skip(first).filter(|line| !line.trim().starts_with("--- End of "));
    let frames: Vec<Frame> = below.map_while(|line| frame(line)).collect();
    Some(Trace { language: Language::DotNet, what: what.to_owned(), frames })
}

fn frame(line: &str) -> Option<Frame> {
    let call = line.trim().strip_prefix("at ")?;
    let (call, source) = match call.rsplit_once(" in ") {
        Some((call, source)) => (call, source.rsplit_once(":line ")),
        None => (call, None),
    };
    let call = call.trim_end();
    let (function, arguments) = call.split_once('(')?;
    // Java has `(File.java:12)` there, Node a place and a blank before it.
    if !call.ends_with(')') || function.contains(' ') || !function.contains('.') || arguments.contains(':') {
        return None;
    }
    if source.is_none()
        && (arguments.contains(".java") || arguments.contains(".kt") || arguments == "Native Method)")
    {
        return None;
    }
    Some(Frame {
        function: function.to_owned(),
        file: source.map(|(file, _)| file.to_owned()),
        line: source.and_then(|(_, line)| line.trim().parse().ok()),
        is_library: function.starts_with("System.") || function.starts_with("Microsoft."),
    })
}

#[cfg(test)]
pub(super) const SAMPLE: &str = "Unhandled exception. System.InvalidOperationException: cannot start
 ---> System.Net.Sockets.SocketException (111): Connection refused
   at System.Net.Sockets.Socket.DoConnect(EndPoint endPointSnapshot, SocketAddress socketAddress)
   at Shop.Store.Connect(String host, Int32 port) in /src/Shop/Store.cs:line 47
   --- End of inner exception stack trace ---
   at Shop.Program.Main(String[] args) in /src/Shop/Program.cs:line 12";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_exception_is_told_with_its_place() {
        let trace = super::super::read(SAMPLE).unwrap();
        assert_eq!(trace.language, Language::DotNet);
        assert_eq!(trace.what, "System.Net.Sockets.SocketException (111): Connection refused");
        assert_eq!(trace.culprit().unwrap().to_string(), "/src/Shop/Store.cs:47 in Shop.Store.Connect");
        assert_eq!(trace.frames.len(), 3);
    }

    #[test]
    fn one_on_windows_without_sources() {
        let text = "Unhandled Exception: System.NullReferenceException: Object reference not set\r\n   at Shop.Cart.Total(Order order)\r\n   at Shop.Program.Main()";
        let trace = super::super::read(text).unwrap();
        assert_eq!(trace.what, "System.NullReferenceException: Object reference not set");
        assert_eq!(trace.culprit().unwrap().to_string(), "Shop.Cart.Total");
        let text = "Unhandled exception. System.Exception: x\n   at A.B.C() in C:\\src\\A.cs:line 3";
        assert_eq!(
            super::super::read(text).unwrap().culprit().unwrap().to_string(),
            "C:\\src\\A.cs:3 in A.B.C"
        );
    }
}
