use std::net::TcpListener;

use super::*;

fn serve(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0_u8; 1024];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(answer);
    });
    format!("http://{address}/healthz?x=1")
}

const WAIT: Duration = Duration::from_secs(5);

#[test]
fn tells_the_status() {
    assert_eq!(http(&serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), WAIT).unwrap(), 200);
    assert_eq!(http(&serve(b"HTTP/1.0 503 \r\n\r\n"), WAIT).unwrap(), 503);
    assert_eq!(http(&serve(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\n\r\n"), WAIT).unwrap(), 404);
}

#[test]
fn says_what_is_no_http() {
    let text = http(&serve(b"SSH-2.0-x\r\n"), WAIT).unwrap_err().to_string();
    assert!(text.ends_with("is not HTTP: it begins with \"SSH-2.0-x\\r\\n\""), "{text}");
    let text = http(&serve(b"HTTP/1.1 abc\r\n"), WAIT).unwrap_err().to_string();
    assert!(text.ends_with("its status line is \"HTTP/1.1 abc\""), "{text}");
    let text = http(&serve(b"HTTP/1.1 2"), WAIT).unwrap_err().to_string();
    assert!(text.ends_with("it ended early"), "{text}");
}

#[test]
fn a_head_without_end_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(b"HTTP/1.1 1").is_ok() {}
    });
    assert!(http(&url, WAIT).unwrap_err().to_string().ends_with("its head does not end"));
}

#[test]
fn silence_is_not_waited_for_longer_than_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let error = http(&url, Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, ProbeError::TimedOut { .. }), "{error}");
}

#[test]
fn a_dripping_answer_is_not_waited_for_longer_than_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 ").unwrap();
        while stream.write_all(b"2").is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    assert!(matches!(http(&url, Duration::from_millis(100)), Err(ProbeError::TimedOut { .. })));
}

#[test]
fn refused_connections_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // The port of a connected client is taken, so that nobody else can begin to listen there, and nobody does.
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert!(matches!(tcp(&client.local_addr().unwrap().to_string(), WAIT), Err(ProbeError::Connect { .. })));
    tcp(&listener.local_addr().unwrap().to_string(), WAIT).unwrap();
    assert!(matches!(tcp("127.0.0.1", WAIT), Err(ProbeError::Target { .. })));
}

#[test]
fn urls_are_taken_apart() {
    let parts =
        |url| Target::parse(url).map(|it| (it.address, it.host, it.path)).map_err(|error| error.to_string());
    let three = |a: &str, b: &str, c: &str| Ok((a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!(parts("http://a:9000/healthz"), three("a:9000", "a:9000", "/healthz"));
    assert_eq!(parts("HTTP://a"), three("a:80", "a", "/"));
    assert_eq!(parts("http://a?x=/y"), three("a:80", "a", "/?x=/y"));
    assert_eq!(parts("http://[::1]/x#y"), three("[::1]:80", "[::1]", "/x"));
    assert_eq!(parts("http://[::1]:8/"), three("[::1]:8", "[::1]:8", "/"));
    for bad in [
        "a:9000",
        "https://a/",
        "http://a:x/",
        "http://a:0/",
        "http://:80/",
        "http:///x",
        "http://u@a/",
        "http://a/ b",
    ] {
        assert!(parts(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_heartbeat_ages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("beat");
    let missing = heartbeat(&path, WAIT).unwrap_err().to_string();
    assert!(missing.ends_with("beat: it does not exist"), "{missing}");
    let file = std::fs::File::create(&path).unwrap();
    heartbeat(&path, WAIT).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    let old = heartbeat(&path, WAIT).unwrap_err().to_string();
    assert!(old.contains("last touched 60."), "{old}");
    file.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
    heartbeat(&path, WAIT).unwrap();
}

#[test]
fn sends_what_it_is_told_to() {
    let ask = |method: Method, body: Option<&str>| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/level?a=b", listener.local_addr().unwrap()).parse().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = Vec::new();
            let whole = |seen: &[u8]| {
                let text = String::from_utf8(seen.to_vec()).ok()?;
                let (head, rest) = text.split_once("\r\n\r\n")?;
                let length =
                    head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
                (rest.len() >= length.unwrap_or(0)).then_some(text)
            };
            let text = loop {
                let mut buffer = [0_u8; 256];
                let length = stream.read(&mut buffer).unwrap();
                assert_ne!(length, 0);
                seen.extend_from_slice(&buffer[..length]);
                if let Some(text) = whole(&seen) {
                    break text;
                }
            };
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            text
        });
        let mut request = HttpRequest::new(url);
        (request.method, request.body) = (method, body.map(str::to_owned));
        request.timeout = abide_spec::Duration::from_secs(30);
        assert_eq!(send(&request).unwrap(), 204);
        server.join().unwrap()
    };
    let put = ask(Method::Put, Some("débug"));
    assert!(put.starts_with("PUT /level?a=b HTTP/1.1\r\nHost: 127.0.0.1:"), "{put}");
    assert!(put.contains("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n"), "{put}");
    assert!(put.ends_with("\r\n\r\ndébug"), "{put}");
    let post = ask(Method::Post, None);
    assert!(post.starts_with("POST ") && post.contains("\r\nContent-Length: 0\r\n"), "{post}");
    let get = ask(Method::Get, None);
    assert!(get.starts_with("GET ") && !get.contains("Content-") && get.ends_with("\r\n\r\n"), "{get}");
}
