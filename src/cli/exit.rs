//! Exit codes: part of the interface, because scripts and service managers act on them.

use std::process::ExitCode;

use crate::reason::Reason;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// What was asked for is done.
    Done,
    /// It was tried and failed; for a check: the answer is no.
    Failed,
    /// The command line or the configuration is wrong; nothing was tried.
    Usage,
    /// There was no answer. That nothing was found is never reported as success.
    CouldNotCheck,
}

impl Exit {
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::CouldNotCheck => 3,
        }
    }

    /// The exit of a command that asked and got this: nobody answering is not a no.
    pub(super) fn of(reason: Reason) -> Self {
        const SILENT: [Reason; 4] = [Reason::KafkaConnect, Reason::Connect, Reason::Network, Reason::Timeout];
        if SILENT.contains(&reason) { Self::CouldNotCheck } else { Self::Failed }
    }

    /// The exit of two parts of one command: a definite no outweighs a missing answer.
    pub fn worse(self, other: Self) -> Self {
        let weight = |exit| match exit {
            Self::Done => 0,
            Self::CouldNotCheck => 1,
            Self::Failed => 2,
            Self::Usage => 3,
        };
        if weight(other) > weight(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit::{CouldNotCheck, Done, Failed, Usage};
    use crate::reason::Reason;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        assert_eq!([Done, Failed, Usage, CouldNotCheck].map(super::Exit::code), [0, 1, 2, 3]);
    }

    #[test]
    fn silence_could_not_be_checked_and_an_answer_failed() {
        for reason in [Reason::KafkaConnect, Reason::Connect, Reason::Timeout] {
            assert_eq!(super::Exit::of(reason), CouldNotCheck);
        }
        for reason in [Reason::KafkaAuthentication, Reason::KafkaTopic, Reason::Unauthorized, Reason::Tls] {
            assert_eq!(super::Exit::of(reason), Failed);
        }
    }

    #[test]
    fn a_definite_no_outweighs_a_missing_answer() {
        assert_eq!(Done.worse(CouldNotCheck), CouldNotCheck);
        assert_eq!(CouldNotCheck.worse(Failed), Failed);
        assert_eq!(Failed.worse(CouldNotCheck), Failed);
        assert_eq!(Failed.worse(Done), Failed);
    }
}
