//! What programs of all kinds say when something is wrong that others can put right.

/// A fault that the words of a log tell.
pub(super) struct Phrase {
    /// Its id.
    pub id: &'static str,
    /// How likely it is the cause of what ails the service.
    pub likelihood: u8,
    /// The fault.
    pub title: &'static str,
    /// What to do.
    pub next: &'static str,
    /// Any of these words, in lower case.
    words: &'static [&'static str],
}

/// Those that name a cause more exactly stand first.
const PHRASES: [Phrase; 10] = [
    Phrase {
        id: "log-port-taken",
        likelihood: 93,
        title: "the program says that its port is in use",
        next: "ss -ltnp   (who has it?)",
        words: &[
            "eaddrinuse",
            "address already in use",
            "address in use",
            "only one usage of each socket address",
            "port is already allocated",
        ],
    },
    Phrase {
        id: "log-dns",
        likelihood: 87,
        title: "the program says that it cannot find a host",
        next: "getent hosts NAME   (is the name right, and does DNS answer?)",
        words: &[
            " enotfound",
            "eai_again",
            "no such host",
            "name or service not known",
            "temporary failure in name resolution",
            "unknownhostexception",
            "could not resolve host",
            "could not translate host name",
            "nodename nor servname",
        ],
    },
    Phrase {
        id: "log-password",
        likelihood: 85,
        title: "the program says that it was not let in",
        next: "are user and password in its environment right?",
        words: &[
            "password authentication failed",
            "access denied for user",
            "authentication failed",
            "invalid credentials",
            "login failed for user",
            "noauth authentication required",
            "wrongpass",
        ],
    },
    Phrase {
        id: "log-certificate",
        likelihood: 83,
        title: "the program says that a certificate is not good",
        next: "openssl s_client -connect HOST:PORT   (expired? for another name? by an unknown authority?)",
        words: &[
            "certificate has expired",
            "certificate is not yet valid",
            "certificate verify failed",
            "certificate signed by unknown authority",
            "unable to get local issuer certificate",
            "self-signed certificate",
            "self signed certificate",
            "pkix path building failed",
            "tls: failed to verify certificate",
            "invalid peer certificate",
        ],
    },
    Phrase {
        id: "log-disk",
        likelihood: 88,
        title: "the program says that the disk is full",
        next: "df -h; df -i",
        words: &[
            "no space left on device",
            "enospc",
            "disk quota exceeded",
            "there is not enough space on the disk",
        ],
    },
    Phrase {
        id: "log-descriptors",
        likelihood: 88,
        title: "the program says that it may open no more files",
        next: "raise `limits.open-files` in its spec; if it comes again, it is a leak",
        words: &["too many open files", "emfile"],
    },
    Phrase {
        id: "log-memory",
        likelihood: 88,
        title: "the program says that it has no memory left",
        next: "give it more (`limits.memory`, `-Xmx`, `--max-old-space-size`), or look for a leak: `abide doctor NAME --window 5m`",
        words: &[
            "outofmemoryerror",
            "javascript heap out of memory",
            "cannot allocate memory",
            "memoryerror",
            "memory allocation of",
            "std::bad_alloc",
            "outofmemoryexception",
            "runtime: out of memory",
        ],
    },
    Phrase {
        id: "log-peer",
        likelihood: 82,
        title: "the program says that another host refuses it or does not answer",
        next: "start what it needs, or let this service start after it (`start.after`)",
        words: &[
            "econnrefused",
            "connection refused",
            "actively refused it",
            "etimedout",
            "connection timed out",
            "i/o timeout",
            "no route to host",
            "network is unreachable",
            "connectexception",
        ],
    },
    Phrase {
        id: "log-permission",
        likelihood: 80,
        title: "the program says that it may not do something",
        next: "which file or port is it? its account needs the right (`account`, `security.write`); ports below 1024 need one too",
        words: &[
            "permission denied",
            "eacces",
            "operation not permitted",
            "access is denied",
            "permissionerror",
            "unauthorizedaccessexception",
            "read-only file system",
        ],
    },
    Phrase {
        id: "log-missing",
        likelihood: 84,
        title: "the program says that a file or module is missing",
        next: "install what it names, or correct the path; a service starts in no folder of yours (`program.working-dir`)",
        words: &[
            "modulenotfounderror",
            "cannot find module",
            "no such file or directory",
            "enoent",
            "filenotfounderror",
            "classnotfoundexception",
            "noclassdeffounderror",
            "could not find or load main class",
            "error while loading shared libraries",
            "could not load file or assembly",
            "unable to access jarfile",
        ],
    },
];

/// What the words of an entry tell, if they tell anything known.
pub(super) fn of(text: &str) -> Option<&'static Phrase> {
    let lower = text.to_lowercase();
    PHRASES.iter().find(|phrase| phrase.words.iter().any(|words| lower.contains(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_many_languages_are_known() {
        for (text, id) in [
            ("listen tcp :9000: bind: address already in use", "log-port-taken"),
            ("Error: listen EADDRINUSE: address already in use :::9000", "log-port-taken"),
            ("OSError: [Errno 98] Address already in use", "log-port-taken"),
            ("dial tcp: lookup db on 127.0.0.53:53: no such host", "log-dns"),
            ("psycopg2.OperationalError: connection refused", "log-peer"),
            ("java.lang.OutOfMemoryError: Java heap space", "log-memory"),
            (
                "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
                "log-memory",
            ),
            ("open /var/lib/x: too many open files", "log-descriptors"),
            ("ModuleNotFoundError: No module named 'flask'", "log-missing"),
            ("write /var/log/x: no space left on device", "log-disk"),
            ("x509: certificate has expired or is not yet valid", "log-certificate"),
            ("FATAL: password authentication failed for user \"orders\"", "log-password"),
            ("PermissionError: [Errno 13] Permission denied: '/etc/x'", "log-permission"),
        ] {
            assert_eq!(of(text).map(|phrase| phrase.id), Some(id), "{text}");
        }
        assert!(of("all is well").is_none());
    }
}
