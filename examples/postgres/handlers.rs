//! The handlers: each takes the state and what came with the request, and gives an answer or a problem.

use std::sync::Arc;

use fieldseal::envelope::History;
use fieldseal::store::ResealEntry;
use fieldseal::{
    Access, AsyncKeyStore as _, DataKeys, Error, ErrorKind, KeyRing, Record as _,
    SealedRecord as _, SubjectId,
};

use crate::{App, CONTACT, Customer, SealedCustomer, customer};

const PAGE: i64 = 100;

pub(crate) struct SignUp {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) phone: Option<String>,
    pub(crate) plan: String,
}

/// A line of a page.
pub(crate) struct Line {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// What is answered instead: for axum it would implement `IntoResponse`.
#[derive(Debug)]
pub(crate) enum Problem {
    NoSuchCustomer,
    /// A row is there and its envelope is not: nobody asked for a wrong customer, something was lost.
    NoEnvelope(i64),
    Sealing(Error),
    Database(sqlx::Error),
}

impl Problem {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::NoSuchCustomer => 404,
            Self::NoEnvelope(_) => 500,
            Self::Sealing(error) => error.kind().http_status(),
            Self::Database(_) => 503,
        }
    }

    fn is_lost_race(&self) -> bool {
        use ErrorKind::{Conflict, Retry};
        matches!(self, Self::Sealing(error) if matches!(error.kind(), Conflict | Retry))
    }
}

impl App {
    /// A service would add who asks, and an audit.
    fn access(&self) -> Access<'_> {
        Access::new(&self.ring).ledger(&self.ledger)
    }
}

/// `POST /customers`
pub(crate) async fn sign_up(app: Arc<App>, form: SignUp) -> Result<i64, Problem> {
    // The id comes first, as the keys are made for it.
    let id: i64 = sqlx::query_scalar("SELECT nextval('customer_id')").fetch_one(&app.pool).await?;
    let keys = DataKeys::create(app.access(), id, Customer::SCHEMA)?;
    let SignUp { email, name, phone, plan } = form;
    let row = Customer { id, email, name, phone, plan }.seal_with(&keys)?;

    // Keys and row, or neither.
    let mut transaction = app.pool.begin().await?;
    app.keys.save(&mut transaction, &keys).await?;
    sqlx::query("INSERT INTO customer (id, email, name, phone, plan) VALUES ($1, $2, $3, $4, $5)")
        .bind(row.id)
        .bind(&row.email)
        .bind(&row.name)
        .bind(&row.phone)
        .bind(&row.plan)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(id)
}

/// `GET /customers?after=…`
pub(crate) async fn page(app: Arc<App>, after: i64) -> Result<Vec<Line>, Problem> {
    let mut connection = app.pool.acquire().await?;
    let rows: Vec<SealedCustomer> =
        sqlx::query_as("SELECT * FROM customer WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after)
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await?;
    // The envelopes after the rows: a later one opens what was sealed under an earlier one.
    let ids: Vec<_> = rows.iter().map(|row| SubjectId::new(row.id)).collect::<Result<_, _>>()?;
    let envelopes = app.keys.load_many(&mut connection, "", &ids).await?;
    rows.iter()
        .zip(envelopes)
        .map(|(row, envelope)| {
            let keys = envelope.ok_or(Problem::NoEnvelope(row.id))?.unwrap(app.access(), row.id)?;
            let customer = row.open_partial_with(&keys)?;
            Ok(Line { id: row.id, name: shown(customer.name)?, email: shown(customer.email)? })
        })
        .collect()
}

/// One who was erased does not keep the page from being shown.
fn shown(field: Result<String, Error>) -> Result<String, Error> {
    match field {
        Err(error) if error.kind() == ErrorKind::Erased => Ok("erased".into()),
        other => other,
    }
}

/// `PUT /customers/{id}/email`
pub(crate) async fn change_email(app: Arc<App>, id: i64, email: String) -> Result<(), Problem> {
    let mut attempts = 5;
    loop {
        let changed = try_change_email(&app, id, &email).await;
        attempts -= 1;
        if attempts == 0 || !changed.as_ref().is_err_and(Problem::is_lost_race) {
            return changed;
        }
    }
}

async fn try_change_email(app: &App, id: i64, email: &String) -> Result<(), Problem> {
    let mut transaction = app.pool.begin().await?;
    // Until the commit nobody renews or erases what this is sealed under.
    let envelope = app.keys.load_locked(&mut transaction, "", id).await?;
    let keys = envelope.ok_or(Problem::NoSuchCustomer)?.unwrap(app.access(), id)?;
    let sealed = customer::EMAIL.update(&keys, email)?;
    let done = sqlx::query("UPDATE customer SET email = $1 WHERE id = $2")
        .bind(&sealed.value)
        .bind(id)
        .execute(&mut *transaction)
        .await?;
    // An envelope outlives its row: without this, a customer who was deleted would be told that it is done.
    if done.rows_affected() != 1 {
        return Err(Problem::NoSuchCustomer);
    }
    transaction.commit().await?;
    Ok(())
}

/// `PUT /customers/{id}/consent`
pub(crate) async fn consent(app: Arc<App>, id: i64, given: bool) -> Result<(), Problem> {
    let access = app.access().actor("customer").source("account page").notice("2026-03");
    let mut connection = app.pool.acquire().await?;
    let change = app.keys.change(&mut connection, access, id, |edit| {
        if given {
            edit.grant(CONTACT, "marketing", History::Included)
        } else {
            edit.withdraw(CONTACT, "marketing")
        }
    });
    change.await?;
    Ok(())
}

/// Marketing's own service: the addresses that its ring opens.
pub(crate) async fn newsletter(app: &App, ring: &KeyRing) -> Result<Vec<String>, Problem> {
    let rows: Vec<SealedCustomer> =
        sqlx::query_as("SELECT * FROM customer ORDER BY id").fetch_all(&app.pool).await?;
    let ids: Vec<_> = rows.iter().map(|row| SubjectId::new(row.id)).collect::<Result<_, _>>()?;
    let mut connection = app.pool.acquire().await?;
    let envelopes = app.keys.load_many(&mut connection, "", &ids).await?;
    let mut addresses = Vec::new();
    for (row, envelope) in rows.iter().zip(envelopes) {
        let keys = envelope.ok_or(Problem::NoEnvelope(row.id))?.unwrap(ring, row.id)?;
        match customer::EMAIL.open(&keys, &row.email) {
            Ok(address) => addresses.push(address),
            // Without consent, or erased. Anything else, such as tampering, is not an unsubscribed customer.
            Err(error) if matches!(error.kind(), ErrorKind::NotPermitted | ErrorKind::Erased) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(addresses)
}

/// A job, now and then: what lies under former keys is sealed again. How many rows.
pub(crate) async fn reseal(app: Arc<App>) -> Result<usize, Problem> {
    let (mut rows, mut last) = (0, None);
    loop {
        let mut connection = app.pool.acquire().await?;
        let queue = app.keys.reseal_queue(&mut connection, last.as_ref(), 100).await?;
        drop(connection);
        for entry in &queue {
            rows += reseal_one(&app, entry).await?;
        }
        match queue.into_iter().next_back() {
            Some(entry) => last = Some(entry),
            None => return Ok(rows),
        }
    }
}

async fn reseal_one(app: &App, entry: &ResealEntry) -> Result<usize, Problem> {
    let id = entry.subject.as_i64().ok_or(Problem::NoSuchCustomer)?;
    let mut transaction = app.pool.begin().await?;
    let access = app.access().tenant(&entry.tenant);
    let envelope = app.keys.load_locked(&mut transaction, &entry.tenant, id).await?;
    let keys = envelope.ok_or(Problem::NoEnvelope(id))?.unwrap(access, id)?;
    let row: Option<SealedCustomer> =
        sqlx::query_as("SELECT * FROM customer WHERE id = $1 FOR UPDATE")
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?;
    // A customer who was deleted has nothing to reseal, and must not keep the others waiting.
    let resealed = row.map(|row| row.reseal_with(&keys)).transpose()?;
    let changed = resealed.filter(|resealed| resealed.is_changed());
    if let Some(resealed) = &changed {
        let row = &resealed.row;
        sqlx::query("UPDATE customer SET email = $1, name = $2, phone = $3 WHERE id = $4")
            .bind(&row.email)
            .bind(&row.name)
            .bind(&row.phone)
            .bind(id)
            .execute(&mut *transaction)
            .await?;
    }
    app.keys.finish_reseal(&mut transaction, access, entry).await?;
    transaction.commit().await?;
    Ok(usize::from(changed.is_some()))
}

/// `DELETE /customers/{id}`: the receipt, for the person.
pub(crate) async fn erase(app: Arc<App>, id: i64) -> Result<String, Problem> {
    let access = app.access().actor("customer").purpose("asked to be forgotten");
    let mut transaction = app.pool.begin().await?;
    let erasure = app.keys.erase(&mut transaction, access, id).await?;
    transaction.commit().await?;
    // Committed, it is done; the columns that the receipt names may be cleared at leisure.
    Ok(erasure.receipt(access, Some(&app.catalog))?.to_string())
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Sealing(error)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuchCustomer => write!(f, "{}: no such customer", self.status()),
            Self::NoEnvelope(id) => {
                write!(f, "{}: customer {id} has no key envelope", self.status())
            }
            Self::Sealing(error) => write!(f, "{}: {error}", self.status()),
            Self::Database(error) => write!(f, "{}: {error}", self.status()),
        }
    }
}

impl std::error::Error for Problem {}
