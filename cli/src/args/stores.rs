//! Which databases a command works on, and where in them key envelopes are.

pub(crate) mod life;
pub(crate) mod subjects;

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use fieldseal::store::SubjectColumn;

use self::life::{Census, Retire, Rewrap, StoreCommand};
use self::subjects::{Erase, Grant, LedgerCommand, ReceiptCommand, Sweep, Withdraw};

/// The commands over databases.
#[derive(Debug, Subcommand)]
pub(crate) enum StoresCommand {
    /// Count what is stored, and which ring keys it needs; needs no key
    Census(Census),
    /// Wrap stored data keys under the primary ring keys, so that former ones can be retired
    Rewrap(Rewrap),
    /// Destroy a ring key that nothing stored needs any more
    Retire(Retire),
    /// Erase a subject, or a class of theirs: destroy the data keys, and print the signed receipt
    Erase(Erase),
    /// Take a class of a subject from a role
    Withdraw(Withdraw),
    /// Give a role a class of a subject who has consented
    Grant(Grant),
    /// Erase what is past its term
    Sweep(Sweep),
    /// Receipts of erasures
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// The account of erasures, withdrawals and grants
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// The tables of key envelopes
    #[command(subcommand)]
    Store(StoreCommand),
}

/// The databases of a command. What is said behind a database is about that one.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) databases: Vec<DatabaseSaid>,
}

/// One database.
#[derive(Debug)]
pub(crate) struct DatabaseSaid {
    pub(crate) from: UrlFrom,
    pub(crate) inline: Vec<InlineSaid>,
    pub(crate) standalone: Vec<StandaloneSaid>,
}

/// Where the URL of a database comes from.
#[derive(Clone, Debug)]
pub(crate) enum UrlFrom {
    Argument(String),
    File(PathBuf),
    /// FIELDSEAL_STORE.
    Variable,
}

/// A column of key envelopes, whose they are.
#[derive(Debug)]
pub(crate) struct InlineSaid {
    pub(crate) column: InlineColumn,
    pub(crate) tenant: Option<String>,
}

/// A column of standalone envelopes, whose they are.
#[derive(Debug)]
pub(crate) struct StandaloneSaid {
    pub(crate) column: Column,
    pub(crate) tenant: Option<String>,
}

/// A column of key envelopes in the application's own table.
#[derive(Clone, Debug)]
pub(crate) struct InlineColumn {
    pub(crate) table: String,
    pub(crate) subject: String,
    pub(crate) of: SubjectColumn,
    pub(crate) keys: String,
}

/// A column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) table: String,
    pub(crate) column: String,
}

/// Where the table fieldseal_keys is there, it is meant too.
#[derive(Debug, Args)]
#[command(next_help_heading = "Databases [default: FIELDSEAL_STORE]")]
struct Said {
    /// A database: `sqlite:PATH`, or `postgres://…` without a password; may be given again
    #[arg(long = "store", value_name = "URL")]
    stores: Vec<String>,
    /// A database whose URL is the first line of this file, which its owner alone can read; may be given
    /// again
    #[arg(long = "store-file", value_name = "PATH")]
    store_files: Vec<PathBuf>,
    /// A column of key envelopes in a table of the database before it, with the column of the subject and
    /// what it holds: integer, text or uuid; may be given again
    #[arg(long = "inline", value_name = "TABLE,SUBJECT:TYPE,KEYS", value_parser = inline)]
    inline: Vec<InlineColumn>,
    /// Whose the envelopes of the column before it are [default: nobody's in particular]
    #[arg(long = "tenant", value_name = "TENANT")]
    tenants: Vec<String>,
    /// A column of standalone envelopes in a table of the database before it; may be given again
    #[arg(long = "standalone", value_name = "TABLE,COLUMN", value_parser = column)]
    standalone: Vec<Column>,
}

/// One thing that was said, and where on the command line.
enum Word {
    Url(UrlFrom),
    Inline(InlineColumn),
    Tenant(String),
    Standalone(Column),
}

impl FromArgMatches for Stores {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let said = Said::from_arg_matches(matches)?;
        let at = |name: &str| matches.indices_of(name).into_iter().flatten();
        let urls = said.stores.into_iter().map(UrlFrom::Argument).map(Word::Url);
        let files = said.store_files.into_iter().map(UrlFrom::File).map(Word::Url);
        let mut words: Vec<(usize, Word)> = at("stores")
            .zip(urls)
            .chain(at("store_files").zip(files))
            .chain(at("inline").zip(said.inline.into_iter().map(Word::Inline)))
            .chain(at("tenants").zip(said.tenants.into_iter().map(Word::Tenant)))
            .chain(at("standalone").zip(said.standalone.into_iter().map(Word::Standalone)))
            .collect();
        words.sort_by_key(|(position, _)| *position);
        Self::of(words.into_iter().map(|(_, word)| word))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Stores {
    fn augment_args(command: Command) -> Command {
        Said::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Said::augment_args_for_update(command)
    }
}

impl Stores {
    fn of(words: impl Iterator<Item = Word>) -> Result<Self, clap::Error> {
        let mut databases: Vec<DatabaseSaid> = Vec::new();
        let mut before = Before::Nothing;
        for word in words {
            if let Word::Url(from) = word {
                before = Before::Nothing;
                databases.push(DatabaseSaid::of(from));
                continue;
            }
            if databases.is_empty() {
                databases.push(DatabaseSaid::of(UrlFrom::Variable));
            }
            let Some(last) = databases.last_mut() else { continue };
            match word {
                Word::Url(_) => {}
                Word::Inline(column) => {
                    last.inline.push(InlineSaid { column, tenant: None });
                    before = Before::Inline;
                }
                Word::Standalone(column) => {
                    last.standalone.push(StandaloneSaid { column, tenant: None });
                    before = Before::Standalone;
                }
                Word::Tenant(tenant) => match last.tenant_of(before) {
                    Some(of) if of.is_none() => *of = Some(tenant),
                    _ => {
                        return Err(clap::Error::raw(
                            clap::error::ErrorKind::ArgumentConflict,
                            "--tenant says whose the envelopes of the --inline or --standalone before it are, and there is none\n",
                        ));
                    }
                },
            }
        }
        if databases.is_empty() {
            databases.push(DatabaseSaid::of(UrlFrom::Variable));
        }
        Ok(Self { databases })
    }
}

impl DatabaseSaid {
    fn of(from: UrlFrom) -> Self {
        Self { from, inline: Vec::new(), standalone: Vec::new() }
    }

    /// Whose the envelopes of the column are that was said last.
    fn tenant_of(&mut self, before: Before) -> Option<&mut Option<String>> {
        match before {
            Before::Nothing => None,
            Before::Inline => self.inline.last_mut().map(|said| &mut said.tenant),
            Before::Standalone => self.standalone.last_mut().map(|said| &mut said.tenant),
        }
    }
}

/// The column that a tenant is said of.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Inline,
    Standalone,
}

/// The one database of a command, and the one place in it where the subject's envelope is.
#[derive(Debug, Args)]
#[command(next_help_heading = "The database [default: FIELDSEAL_STORE]")]
pub(crate) struct Store {
    #[command(flatten)]
    pub(crate) url: StoreUrl,
    /// The column of key envelopes, with the column of the subject and what it holds: integer, text or
    /// uuid [default: the table fieldseal_keys]
    #[arg(long, value_name = "TABLE,SUBJECT:TYPE,KEYS", value_parser = inline)]
    pub(crate) inline: Option<InlineColumn>,
}

/// Where one database is.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct StoreUrl {
    /// The database: `sqlite:PATH`, or `postgres://…` without a password
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// The database whose URL is the first line of this file, which its owner alone can read
    #[arg(long, value_name = "PATH")]
    store_file: Option<PathBuf>,
}

impl StoreUrl {
    pub(crate) fn from(&self) -> UrlFrom {
        match (&self.store, &self.store_file) {
            (Some(url), _) => UrlFrom::Argument(url.clone()),
            (None, Some(path)) => UrlFrom::File(path.clone()),
            (None, None) => UrlFrom::Variable,
        }
    }
}

fn inline(text: &str) -> Result<InlineColumn, String> {
    let wrong = || {
        "a column of key envelopes is written TABLE,SUBJECT:TYPE,KEYS, as customers,id:integer,keys; the types are \
         integer, text and uuid"
            .to_owned()
    };
    let parts: Vec<&str> = text.split(',').collect();
    let [table, subject, keys] = parts.as_slice() else { return Err(wrong()) };
    let (subject, of) = subject.rsplit_once(':').ok_or_else(wrong)?;
    let of = match of {
        "integer" => SubjectColumn::Integer,
        "text" => SubjectColumn::Text,
        "uuid" => SubjectColumn::Uuid,
        _ => return Err(wrong()),
    };
    if [*table, subject, *keys].iter().any(|name| !is_sql_name(name)) {
        return Err(wrong());
    }
    let [table, subject, keys] = [table, subject, keys].map(str::to_owned);
    Ok(InlineColumn { table, subject, of, keys })
}

fn column(text: &str) -> Result<Column, String> {
    match text.split_once(',') {
        Some((table, column)) if is_sql_name(table) && is_sql_name(column) => {
            Ok(Column { table: table.to_owned(), column: column.to_owned() })
        }
        _ => Err("a column is written TABLE,COLUMN, as notes,sealed".to_owned()),
    }
}

/// What can be quoted; whether there is such a table, the database says.
fn is_sql_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['\0', ','])
}
