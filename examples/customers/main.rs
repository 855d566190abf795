//! The main job on real input: a CSV of customers sealed into a SQLite file, and read back.
//!
//! ```sh
//! cargo run --release --example customers --features rusqlite,jiff,file,unicode,phone
//! cargo run --release --example customers --features rusqlite,jiff,file,unicode,phone -- --csv mine.csv --limit 100
//! ```
//!
//! Five services share one database, each with the keys of its own roles:
//!
//! | service | its ring | so it |
//! |---|---|---|
//! | sign-up | `app`, the writer halves of the others, the keys of the indexes | seals cards that it cannot open |
//! | back office | `app`, `billing`, the index keys | opens everything, and finds it |
//! | support | `support` | opens how to reach a customer, and of a card the last four digits |
//! | switchboard | the key of one index | finds who calls by their number, and opens nothing |
//! | thief | no ring, the whole file | sees what is in the clear, lengths, and which terms are equal |
//!
//! Customers are found by sealed fields, and analysts get pseudonyms and a generalized table. Then a customer consents to marketing and withdraws, another one is erased with a receipt, and a backup
//! of before is made right by the ledger.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example talks")]

mod analysts;
mod find;
mod input;
#[cfg(feature = "file")]
mod life;
mod store;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use fieldseal::index::{Domain, Normalizer};
use fieldseal::keyring::Capabilities;
use fieldseal::{Access, Class, ErrorKind, KeyRing, Record, SealedRecord as _};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;

use crate::input::{BadLine, Read};
use crate::store::{Store, Unfinished};

type Anyhow<T> = Result<T, Box<dyn std::error::Error>>;

/// How to reach someone: the application and support read it, and marketing of who consents.
const CONTACT: Class =
    Class::new("contact").readers(&["app", "support"]).readers_with_consent(&["marketing"]);
/// Who someone is: the application alone.
const IDENTITY: Class = Class::new("identity").readers(&["app"]);
/// Cards and accounts: billing alone, kept for seven years.
const FINANCIAL: Class = Class::new("financial").readers(&["billing"]).retain_days(7 * 365);

/// Births that the index of them takes. Who is born outside of it is refused.
const BIRTHS: Domain = Domain::dates("1900-01-01", "2029-12-31");

/// A customer. What has a class is sealed; the rest stays in the clear.
#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "customer", single_row, rusqlite)]
pub struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT, pad = 32))]
    name: String,
    /// Found by how it begins, with accents or without.
    #[record(
        seal(class = CONTACT, pad = 32),
        index(prefix(max = 6), normalize = Normalizer::TEXT.without_accents(), cardinality = 50_000, table)
    )]
    surname: String,
    /// Found in any case.
    #[record(
        seal(class = CONTACT, pad = 32),
        index(exact, normalize = Normalizer::EMAIL, cardinality = 1_000_000)
    )]
    email: String,
    /// Found in any spelling. What is no number is kept, and found as it was given.
    #[record(
        seal(class = CONTACT),
        index(exact, normalize = Normalizer::phone("DE"), cardinality = 1_000_000, lenient)
    )]
    phone: Option<String>,
    #[record(seal(class = IDENTITY), index(range(BIRTHS), table))]
    birth_date: Option<Date>,
    #[record(seal(class = CONTACT, pad = 64))]
    street: Option<String>,
    #[record(seal(class = CONTACT))]
    city: String,
    #[record(seal(class = CONTACT))]
    postcode: Option<String>,
    #[record(seal(class = FINANCIAL, pad = 32))]
    iban: Option<String>,
    // Whether someone has a card at all is nobody's business either.
    #[record(
        seal(class = FINANCIAL, pad = 32, hide_null),
        mask(last4, readers = ["billing", "support"])
    )]
    card: Option<String>,
    #[record(seal(class = IDENTITY, pad = 64))]
    notes: Option<String>,
    country: String,
    plan: String,
    created_at: String,
}

/// Seal a CSV of customers into a SQLite file, and open it again.
#[derive(Parser)]
struct Options {
    /// The customers, with the header of examples/data/customers.csv.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/customers.csv"))]
    csv: PathBuf,
    /// The SQLite file to make. It must not exist. Default: one in the temporary folder, made anew.
    #[arg(long)]
    db: Option<PathBuf>,
    /// Take this many customers at most.
    #[arg(long)]
    limit: Option<usize>,
    /// What to do with a line that is not a customer, or that sealing refuses.
    #[arg(long, value_enum, default_value_t = BadLine::Refuse)]
    bad_line: BadLine,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("customers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything came back as it went in.
fn run(options: &Options) -> Anyhow<bool> {
    let read = input::read(&options.csv, options.limit, options.bad_line)?;
    let path = store::fresh_path(options.db.as_deref())?;
    println!("{} customers from {}", read.len(), options.csv.display());

    // The administrator makes the keys, once, and gives each service its own.
    let mut ring = KeyRing::generate()?;
    // Key pairs, so that a service can seal for these roles without being one of them.
    ring.add_key_pair_role("support")?;
    ring.add_key_pair_role("billing")?;
    ring.add_index_key()?;
    ring.add_pseudonym_key()?;
    // A ring of its own for each: the keys of its roles, and of the indexes that it makes or asks.
    let found = |reach: Capabilities<'static>| {
        let indexes = ["email", "phone", "surname.prefix", "birth_date.range"];
        indexes.iter().fold(reach, |reach, index| reach.index("", "customer", index))
    };
    let sign_up = found(Capabilities::new().role("app").writer("support").writer("billing"));
    let sign_up = ring.subset_with(&sign_up)?.into_ring();
    println!("\nWhat the sign-up service can do:\n{}", sign_up.describe());
    let back_office = found(Capabilities::new().role("app").role("billing").writer("support"));
    let back_office = ring.subset_with(&back_office)?.into_ring();
    let support = ring.subset_with(&Capabilities::new().role("support"))?.into_ring();
    let switchboard =
        ring.subset_with(&Capabilities::new().index("", "customer", "phone"))?.into_ring();

    println!("\nSign-up seals them into {}", path.display());
    let access = Access::new(&sign_up).actor("sign-up").purpose("registration");
    let customers = sign_up_all(&read, access, &path, options)?;
    let sealed = customers.len();

    let mut store = Store::open(&path)?;
    let Some((first, middle)) = customers.first().zip(customers.get(customers.len() / 2)) else {
        println!("There is no customer to look up.");
        println!("customers: 0 sealed, 0 opened, 0 mismatched");
        return Ok(true);
    };

    println!("\nThe back office looks two of them up by id:");
    for wanted in [first, middle] {
        let row = store.by_id(wanted.id)?;
        let found = row.open(&back_office, wanted.id)?;
        println!(
            "  {}: {} <{}>, card {}",
            found.id,
            found.name,
            found.email,
            last_four(found.card.as_deref())
        );
        assert_eq!(found, *wanted, "what came back is not what went in");
    }

    println!("\nIt opens them all, and compares:");
    let bar = progress(customers.len(), "opening");
    let (mut opened, mut mismatched) = (0, 0);
    for page in customers.chunks(store::PAGE) {
        let rows =
            page.iter().map(|customer| store.by_id(customer.id)).collect::<Anyhow<Vec<_>>>()?;
        // Whose rows they are is what we asked for, not what the rows say.
        let asked = rows.iter().zip(page).map(|(row, customer)| (row, customer.id));
        for (found, customer) in SealedCustomer::open_all(asked, &back_office)?.iter().zip(page) {
            opened += 1;
            mismatched += usize::from(found != customer);
        }
        bar.inc(page.len().try_into()?);
    }
    bar.finish_and_clear();
    println!("  {opened} opened, {mismatched} differ");

    println!("\n{} moves to another address:", middle.name);
    let row = store.by_id(middle.id)?;
    let keys = row.unwrap_keys(&back_office, middle.id)?;
    let update = customer::EMAIL.update(&keys, &format!("new.{}", middle.email))?;
    store.update(middle.id, &update, &row.keys)?;
    println!("  {}", customer::EMAIL.open(&keys, &store.by_id(middle.id)?.email)?);

    println!("\nSupport opens what its role may read:");
    let partial = store.by_id(first.id)?.open_partial(&support, first.id)?;
    println!("  name:  {}", shown(&partial.name));
    println!(
        "  phone: {}",
        shown(&partial.phone.map(|phone| phone.unwrap_or_else(|| "none".into())))
    );
    println!("  card:  {}", shown(&partial.card.map(|_| "a card".to_owned())));
    println!("  and of cards what their masks show:");
    for customer in customers.iter().take(3) {
        let row = store.by_id(customer.id)?;
        let partial = row.open_partial(&support, customer.id)?;
        assert!(partial.card.is_err(), "support opens no card");
        let mask = partial.card_mask.map(|mask| mask.unwrap_or_else(|| "none".into()));
        println!("    {}: {}", shown(&partial.name), shown(&mask));
    }

    find::show(&store, &back_office, &switchboard, &customers)?;
    analysts::show(&store, &ring, &back_office, &customers)?;

    store.close()?;
    thief(&path, first, &customers)?;

    #[cfg(feature = "file")]
    life::show(&path, &mut ring, first, middle)?;
    #[cfg(not(feature = "file"))]
    println!(
        "\nWith the feature `file`, it goes on: consent, erasure, a backup restored, the census."
    );

    println!("\ncustomers: {sealed} sealed, {opened} opened, {mismatched} mismatched");
    Ok(mismatched == 0)
}

/// Seals the customers into a new file, and gives back those that are in it.
///
/// The file has its name only once all of them are in it, so that what fails on the way leaves no half of a
/// database behind.
fn sign_up_all(
    read: &[Read],
    access: Access<'_>,
    path: &Path,
    Options { csv, bad_line, .. }: &Options,
) -> Anyhow<Vec<Customer>> {
    let unfinished = Unfinished::beside(path)?;
    let mut store = Store::create(unfinished.path())?;
    let bar = progress(read.len(), "sealing");
    let mut sealed = Vec::with_capacity(read.len());
    for page in read.chunks(store::PAGE) {
        let (mut lines, mut customers): (Vec<u64>, Vec<Customer>) =
            page.iter().map(|read| (read.line, read.customer.clone())).unzip();
        let rows = loop {
            let error = match Customer::seal_new_all(&customers, access) {
                Ok(rows) => break rows,
                Err(error) => error,
            };
            let is_of_a_value =
                matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::AlreadySealed);
            let Some(row) = error.row().filter(|_| is_of_a_value) else {
                return Err(error.into());
            };
            // Alone, it is refused with the field, and not with its place on the page.
            let Err(reason) = customers.remove(row).seal_new(access) else {
                return Err(error.into());
            };
            bad_line.report(csv, Some(lines.remove(row)), &reason.to_string())?;
        };
        store.insert(&rows)?;
        sealed.append(&mut customers);
        bar.inc(page.len().try_into()?);
    }
    bar.finish_and_clear();
    store.close()?;
    unfinished.finish(path)?;
    Ok(sealed)
}

/// What someone sees who has the file, and no key.
fn thief(path: &Path, first: &Customer, customers: &[Customer]) -> Anyhow<()> {
    println!("\nA thief of the file sees, of the first customer:");
    for (column, content) in Store::open(path)?.raw(first.id)? {
        println!("  {column:<11} {content}");
    }
    let secrets = customers.iter().flat_map(|customer| {
        [
            Some(&customer.name),
            Some(&customer.email),
            customer.phone.as_ref(),
            customer.card.as_ref(),
            customer.iban.as_ref(),
        ]
    });
    let secrets: Vec<&str> =
        secrets.flatten().map(String::as_str).filter(|text| text.len() >= WINDOW).collect();
    let found = found_in(&std::fs::read(path)?, &secrets);
    println!(
        "  …and of {} names, addresses, numbers and accounts, {found} anywhere in the file",
        secrets.len()
    );
    Ok(())
}

/// Shorter texts are not looked for: among so many random bytes they occur by chance.
const WINDOW: usize = 8;

/// How many of the texts occur in the bytes, each of at least [`WINDOW`] bytes. One pass over the bytes,
/// however many texts there are.
fn found_in(bytes: &[u8], texts: &[&str]) -> usize {
    let mut begins: HashMap<&[u8], Vec<&str>> = HashMap::new();
    for text in texts {
        let begin = text.as_bytes().get(..WINDOW).unwrap_or_default();
        begins.entry(begin).or_default().push(text);
    }
    let mut found: HashSet<&str> = HashSet::new();
    for (at, window) in bytes.windows(WINDOW).enumerate() {
        let behind = bytes.get(at..).unwrap_or_default();
        let texts = begins.get(window).into_iter().flatten().copied();
        found.extend(texts.filter(|text| behind.starts_with(text.as_bytes())));
    }
    texts.iter().filter(|text| found.contains(*text)).count()
}

fn shown(result: &Result<String, fieldseal::Error>) -> String {
    match result {
        Ok(value) => value.clone(),
        Err(error) => format!("({error})"),
    }
}

fn last_four(card: Option<&str>) -> String {
    card.map_or("none".into(), |card| {
        let digits: Vec<char> = card.chars().filter(char::is_ascii_digit).collect();
        digits.iter().rev().take(4).rev().collect::<String>()
    })
}

fn progress(len: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("  {msg} {bar:40} {pos}/{len}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    // Drawn on a terminal only.
    ProgressBar::new(len.try_into().unwrap_or(u64::MAX)).with_style(style).with_message(what)
}
