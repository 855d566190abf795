//! What the statements' algorithms ask of a connection.

use alloc::vec::Vec;

use super::{Cell, Statement};
use crate::error::Error;
use crate::store::machine::{Ask, unanswered};

pub(in crate::store::keys) type AskSql = Ask<SqlQuestion, SqlAnswer>;

pub(in crate::store::keys) enum SqlQuestion {
    /// Runs a statement, and returns its rows.
    Fetch(Statement),
    /// Runs a statement, and returns how many rows it changed.
    Execute(Statement),
    /// Begins a transaction that writes, or a savepoint inside of one. It is undone where its algorithm ends without a
    /// commit.
    Begin,
    Commit,
    Rollback,
    /// Returns `true` if the crate knows of a transaction. Asks no server.
    IsInTransaction,
    /// Returns `true` if there is a transaction, however it was begun.
    HasBegun,
    /// Returns `true` if reads may be of an older state: inside of a transaction, or of a statement that is not read to
    /// its end.
    KeepsSnapshot,
}

pub(in crate::store::keys) enum SqlAnswer {
    Rows(Result<Vec<Vec<Cell>>, Error>),
    Count(Result<u64, Error>),
    Done(Result<(), Error>),
    Is(Result<bool, Error>),
}

impl AskSql {
    pub(super) async fn fetch(&self, statement: Statement) -> Result<Vec<Vec<Cell>>, Error> {
        match self.put(SqlQuestion::Fetch(statement)).await {
            SqlAnswer::Rows(rows) => rows,
            _ => Err(unanswered()),
        }
    }

    pub(super) async fn execute(&self, statement: Statement) -> Result<u64, Error> {
        match self.put(SqlQuestion::Execute(statement)).await {
            SqlAnswer::Count(count) => count,
            _ => Err(unanswered()),
        }
    }

    async fn is(&self, question: SqlQuestion) -> Result<bool, Error> {
        match self.put(question).await {
            SqlAnswer::Is(is) => is,
            _ => Err(unanswered()),
        }
    }

    async fn done(&self, question: SqlQuestion) -> Result<(), Error> {
        match self.put(question).await {
            SqlAnswer::Done(done) => done,
            _ => Err(unanswered()),
        }
    }

    pub(super) async fn begin(&self) -> Result<(), Error> {
        self.done(SqlQuestion::Begin).await
    }

    /// Commits after `Ok`, and undoes after an error, which it returns.
    pub(super) async fn end<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        match result {
            Ok(value) => self.done(SqlQuestion::Commit).await.map(|()| value),
            Err(error) => {
                // Where this fails, the database has undone the whole transaction itself.
                let _ = self.done(SqlQuestion::Rollback).await;
                Err(error)
            }
        }
    }

    pub(super) async fn is_in_transaction(&self) -> Result<bool, Error> {
        self.is(SqlQuestion::IsInTransaction).await
    }

    pub(super) async fn has_begun(&self) -> Result<bool, Error> {
        self.is(SqlQuestion::HasBegun).await
    }

    pub(super) async fn keeps_snapshot(&self) -> Result<bool, Error> {
        self.is(SqlQuestion::KeepsSnapshot).await
    }
}
