//! Algorithms without I/O, written once for callers that wait and for callers that do not.
//!
//! An algorithm is an `async fn` that awaits nothing but its [`Ask`]. The compiler makes a state machine of it:
//! each await is a state, and `next` runs to the following one. A driver answers the questions, in one loop: plain,
//! or with `.await`. So the order of checks and of writes is one piece of straight code, whatever the database crate.
//!
//! A hand-written `enum` of states says the same with every local variable spelled out as a field of a state, and a
//! loop inside a loop, as a pass has, cut in four.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind};

/// Where an algorithm puts its questions, and finds the answers.
///
/// The lock is never contended, as an algorithm does not run while its driver does. It makes the machine `Send`.
pub(super) struct Ask<Q, A>(Mutex<Turn<Q, A>>);

enum Turn<Q, A> {
    Idle,
    Asked(Q),
    Answered(A),
}

/// What an algorithm came to: a question for the driver, or its end.
pub(super) enum Step<Q, T> {
    Ask(Q),
    Done(T),
}

impl<Q, A> Ask<Q, A> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Turn::Idle))
    }

    fn turn(&self) -> MutexGuard<'_, Turn<Q, A>> {
        // Each change of the turn is one assignment, so it is whole after a panic too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the driver, and waits for the answer.
    pub(super) async fn put(&self, question: Q) -> A {
        *self.turn() = Turn::Asked(question);
        core::future::poll_fn(|_| {
            let mut turn = self.turn();
            match core::mem::replace(&mut *turn, Turn::Idle) {
                Turn::Answered(answer) => Poll::Ready(answer),
                other => {
                    *turn = other;
                    Poll::Pending
                }
            }
        })
        .await
    }

    pub(super) fn answer(&self, answer: A) {
        *self.turn() = Turn::Answered(answer);
    }

    /// Runs the algorithm to its next question, or to its end.
    pub(super) fn next<T>(
        &self,
        algorithm: Pin<&mut impl Future<Output = Result<T, Error>>>,
    ) -> Result<Step<Q, T>, Error> {
        if let Poll::Ready(done) = algorithm.poll(&mut Context::from_waker(Waker::noop())) {
            return done.map(Step::Done);
        }
        match core::mem::replace(&mut *self.turn(), Turn::Idle) {
            Turn::Asked(question) => Ok(Step::Ask(question)),
            _ => Err(unanswered()),
        }
    }
}

/// An algorithm that waits for something else than its driver, or a driver that gives another answer than was asked
/// for: a mistake in this crate.
#[cold]
pub(super) fn unanswered() -> Error {
    Error::new(ErrorKind::Io, "the store gave no answer to a question: report this as a bug")
}
