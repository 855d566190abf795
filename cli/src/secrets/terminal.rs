//! Questions on the terminal, with and without echo.
//!
//! Written here and not taken from `rpassword`, whose prompt leaves the terminal silent when it is
//! interrupted, and leaves copies of what was typed as its buffer grows.

use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};

pub(crate) use self::system::Terminal;

/// The longest line that is taken from a terminal.
const LONGEST: usize = 1024;

/// A line as it is typed, in one place that is wiped.
struct Line(Zeroizing<Vec<u8>>);

/// What a typed byte means for the line.
enum Typed {
    More,
    Done,
    Interrupted,
}

impl Line {
    fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(LONGEST)))
    }

    fn take(&mut self, byte: u8) -> Typed {
        const INTERRUPT: u8 = 0x03;
        const END: u8 = 0x04;
        const BACKSPACE: u8 = 0x08;
        const KILL_LINE: u8 = 0x15;
        const DELETE: u8 = 0x7F;
        match byte {
            b'\n' | b'\r' => return Typed::Done,
            INTERRUPT => return Typed::Interrupted,
            END if self.0.is_empty() => return Typed::Interrupted,
            END => return Typed::Done,
            BACKSPACE | DELETE => {
                // A character of several bytes goes as a whole.
                while self.0.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {}
            }
            KILL_LINE => self.0.clear(),
            // A longer line than fits is refused when it ends.
            _ if self.0.len() == LONGEST => {}
            _ => self.0.push(byte),
        }
        Typed::More
    }

    fn finish(self) -> Result<Zeroizing<String>, Failure> {
        let refused =
            |why: &str| Failure::new(Exit::Other, format!("what was typed {why}"), "type it again");
        if self.0.len() == LONGEST {
            return Err(refused("is too long"));
        }
        let text = str::from_utf8(&self.0).map_err(|_| refused("is not UTF-8"))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io::{self, Read as _, Write as _};

    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    };
    use zeroize::Zeroizing;

    use super::{Line, Typed};
    use crate::exit::{Exit, Failure};

    /// The terminal of the session, whatever standard input is.
    pub(crate) struct Terminal(File);

    impl Terminal {
        /// The terminal, where the session has one.
        pub(crate) fn open() -> Option<Self> {
            File::options().read(true).write(true).open("/dev/tty").ok().map(Self)
        }

        /// Asks, and shows what is typed.
        pub(crate) fn ask(&mut self, question: &str) -> Result<String, Failure> {
            self.say(question)?;
            let mut line = Line::new();
            while let Typed::More = line.take(self.byte()?) {}
            line.finish().map(|text| text.trim().to_owned())
        }

        /// Asks, and shows nothing of what is typed.
        pub(crate) fn ask_secret(&mut self, question: &str) -> Result<Zeroizing<String>, Failure> {
            let quiet = Quiet::begin(&mut self.0).map_err(|error| failed(&error))?;
            let terminal = &mut *quiet.terminal;
            write!(terminal, "{question}").map_err(|error| failed(&error))?;
            let mut line = Line::new();
            let typed = loop {
                let mut byte = Zeroizing::new([0]);
                terminal.read_exact(&mut *byte).map_err(|error| failed(&error))?;
                let [byte] = *byte;
                match line.take(byte) {
                    Typed::More => {}
                    typed => break typed,
                }
            };
            let _ = writeln!(terminal);
            drop(quiet);
            match typed {
                Typed::Interrupted => Err(interrupted()),
                _ => line.finish(),
            }
        }

        /// Writes to the terminal, past a redirected output.
        pub(crate) fn say(&mut self, text: &str) -> Result<(), Failure> {
            write!(self.0, "{text}").and_then(|()| self.0.flush()).map_err(|error| failed(&error))
        }

        fn byte(&mut self) -> Result<u8, Failure> {
            let mut byte = [0];
            self.0.read_exact(&mut byte).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => interrupted(),
                _ => failed(&error),
            })?;
            Ok(byte[0])
        }
    }

    fn interrupted() -> Failure {
        Failure::new(
            Exit::Unconfirmed,
            "interrupted",
            "nothing was changed; run it again when you like",
        )
    }

    fn failed(error: &io::Error) -> Failure {
        Failure::stream("the terminal", error)
    }

    /// The terminal with its echo off, until dropped. The interrupt key arrives as a byte, so that the
    /// echo comes back before the process ends.
    struct Quiet<'a> {
        terminal: &'a mut File,
        before: Termios,
    }

    impl<'a> Quiet<'a> {
        fn begin(terminal: &'a mut File) -> io::Result<Self> {
            let before = tcgetattr(&*terminal)?;
            let mut silent = before.clone();
            silent.local_modes &= !(LocalModes::ECHO
                | LocalModes::ECHONL
                | LocalModes::ICANON
                | LocalModes::IEXTEN
                | LocalModes::ISIG);
            silent.special_codes[SpecialCodeIndex::VMIN] = 1;
            silent.special_codes[SpecialCodeIndex::VTIME] = 0;
            // What was typed before the echo went is not taken for the secret.
            tcsetattr(&*terminal, OptionalActions::Flush, &silent)?;
            Ok(Self { terminal, before })
        }
    }

    impl Drop for Quiet<'_> {
        fn drop(&mut self) {
            let _ = tcsetattr(&*self.terminal, OptionalActions::Now, &self.before);
        }
    }
}

#[cfg(not(unix))]
mod system {
    use zeroize::Zeroizing;

    use crate::exit::Failure;

    /// There are no prompts on this system: secrets come from files and descriptors.
    pub(crate) enum Terminal {}

    impl Terminal {
        pub(crate) fn open() -> Option<Self> {
            None
        }

        pub(crate) fn ask(&mut self, _: &str) -> Result<String, Failure> {
            match *self {}
        }

        pub(crate) fn ask_secret(&mut self, _: &str) -> Result<Zeroizing<String>, Failure> {
            match *self {}
        }

        pub(crate) fn say(&mut self, _: &str) -> Result<(), Failure> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Option<String> {
        let mut line = Line::new();
        for byte in bytes {
            match line.take(*byte) {
                Typed::More => {}
                Typed::Done => return line.finish().ok().map(|text| text.to_string()),
                Typed::Interrupted => return None,
            }
        }
        None
    }

    #[test]
    fn typing_is_corrected_by_whole_characters() {
        assert_eq!(typed(b"correct\n").as_deref(), Some("correct"));
        assert_eq!(typed(b"a\x7F\x7Fb\r").as_deref(), Some("b"));
        assert_eq!(typed("aä€\x7F\x08x\n".as_bytes()).as_deref(), Some("ax"));
        assert_eq!(typed(b"wrong\x15right\n").as_deref(), Some("right"));
        assert_eq!(typed(b"ends\x04").as_deref(), Some("ends"));
    }

    #[test]
    fn interrupted_or_impossible_typing_gives_no_secret() {
        assert_eq!(typed(b"secret\x03\n"), None);
        assert_eq!(typed(b"\x04"), None);
        assert_eq!(typed(b"\xFF\n"), None);
        assert_eq!(typed(&[&[b'x'; 2000][..], b"\n"].concat()), None);
    }
}
