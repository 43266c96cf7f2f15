//! Unix side of [`crate::journal`].

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;

#[derive(Debug)]
pub(crate) struct Datagrams {
    socket: UnixDatagram,
}

impl Datagrams {
    pub(crate) fn connect(path: &Path, patience: Duration) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(patience))?;
        socket.connect(path)?;
        Ok(Self { socket })
    }

    pub(crate) fn send(&self, message: &[u8]) -> io::Result<()> {
        loop {
            match self.socket.send(message) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return sent.map(drop),
            }
        }
    }

    pub(crate) fn send_to_journal(&self, message: &[u8]) -> io::Result<()> {
        let sent = self.send(message);
        let too_large = sent.as_ref().is_err_and(|error| {
            let code = error.raw_os_error();
            code == Some(Errno::MSGSIZE.raw_os_error()) || code == Some(Errno::NOBUFS.raw_os_error())
        });
        if too_large { hand_over(&self.socket, message) } else { sent }
    }
}

/// An empty datagram that carries a file in memory with the message. It is sealed, so that the journal need not copy it
/// to be sure of it.
#[cfg(target_os = "linux")]
fn hand_over(socket: &UnixDatagram, message: &[u8]) -> io::Result<()> {
    use std::fs::File;
    use std::io::Write;
    use std::mem::MaybeUninit;
    use std::os::fd::AsFd;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

    let memory = memfd_create("journal-message", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut memory = File::from(memory);
    memory.write_all(message)?;
    fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let files = [memory.as_fd()];
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    loop {
        match sendmsg(socket, &[], &mut ancillary, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            sent => return Ok(sent.map(drop)?),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn hand_over(_: &UnixDatagram, _: &[u8]) -> io::Result<()> {
    Err(Errno::MSGSIZE.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_sent_arrives_as_one_message() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let server = UnixDatagram::bind(&path).unwrap();
        let log = Datagrams::connect(&path, SOON).unwrap();
        log.send(b"one\0\xff").unwrap();
        log.send_to_journal(b"two\n").unwrap();
        let mut buffer = [0; 200];
        for expected in [&b"one\0\xff"[..], b"two\n"] {
            let length = server.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], expected);
        }
        drop(server);
        assert!(log.send(b"nobody hears this").is_err());
    }

    #[test]
    fn nobody_listening_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Datagrams::connect(&folder.path().join("none"), SOON).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_too_large_for_a_datagram_comes_in_a_sealed_file() {
        use std::fs::File;
        use std::io::{IoSliceMut, Read, Seek};
        use std::mem::MaybeUninit;

        use rustix::fs::{SealFlags, fcntl_get_seals};
        use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let server = UnixDatagram::bind(&path).unwrap();
        let log = Datagrams::connect(&path, SOON).unwrap();
        let message = b"MESSAGE=long".iter().copied().cycle().take(8 << 20).collect::<Vec<u8>>();
        log.send_to_journal(&message).unwrap();

        let mut buffer = [0; 16];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let got = recvmsg(&server, &mut [IoSliceMut::new(&mut buffer)], &mut ancillary, RecvFlags::empty())
            .unwrap();
        assert_eq!(got.bytes, 0);
        let mut files = ancillary.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(files) => Some(files),
            _ => None,
        });
        let mut file = File::from(files.next().unwrap().next().unwrap());
        assert!(
            fcntl_get_seals(&file).unwrap().contains(SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW)
        );
        file.rewind().unwrap();
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == message);
    }
}
