//! Rows in SQLite.

use fieldseal::{DataKeys, KeyRing, Record, SealedRecord as _};
use rusqlite::Connection;

use super::{CONTACT, FINANCIAL, ring};

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "customer", single_row, rusqlite, sealed(derive(Debug, PartialEq)))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(class = CONTACT))]
    email: String,
    #[record(seal(class = FINANCIAL))]
    card: Option<String>,
    #[record(seal(class = CONTACT, default))]
    language: String,
    r#type: Option<String>,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "address", keys = "external", rusqlite)]
struct Address {
    #[record(row)]
    id: i64,
    #[record(subject)]
    customer_id: i64,
    #[record(seal(class = CONTACT))]
    street: String,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(name = "pair", single_row, rusqlite)]
struct Pair<Id: fieldseal::ToId + Clone, T: fieldseal::SealValue> {
    #[record(subject)]
    id: Id,
    #[record(seal)]
    value: T,
}

#[derive(Record, Clone, Debug, PartialEq)]
#[record(
    name = "client",
    single_row,
    rusqlite,
    sealed(derive(Clone, Debug, PartialEq)),
    index(compound(email, born), id = "both", measured)
)]
struct Client {
    #[record(subject)]
    id: i64,
    #[record(
        seal(class = CONTACT),
        index(exact, measured),
        index(words, measured, table),
        mask(email, readers = ["app", "support"])
    )]
    email: String,
    #[record(seal(class = CONTACT), index(exact, measured), mask(year, readers = ["app", "support"]))]
    born: Option<String>,
}

fn connect() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE customer (keys BLOB, type TEXT, language, card, email, id INTEGER PRIMARY KEY);
         CREATE TABLE address (id INTEGER PRIMARY KEY, customer_id INTEGER, street BLOB);
         CREATE TABLE pair (id TEXT PRIMARY KEY, value, keys);
         CREATE TABLE client (id INTEGER PRIMARY KEY, email, email_index, email_mask, born, born_index,
             born_mask, both_index, keys);",
    )
    .unwrap();
    db
}

fn insert(table: &str, columns: &[&str]) -> String {
    let places = vec!["?"; columns.len()].join(", ");
    let columns = columns.join(", ");
    format!("INSERT INTO {table} ({columns}) VALUES ({places})")
}

fn ada() -> Customer {
    Customer {
        id: 42,
        email: "ada@example.com".into(),
        card: None,
        language: "en".into(),
        r#type: Some("vip".into()),
    }
}

fn stored(db: &Connection) -> SealedCustomer {
    let query = "SELECT * FROM customer WHERE id = 42";
    db.query_row(query, [], SealedCustomer::from_row).unwrap()
}

#[test]
fn a_row_comes_back_from_the_database() {
    let (ring, db) = (ring(), connect());
    let row = ada().seal_new(&ring).unwrap();
    let written = db.execute(&insert("customer", customer::COLUMNS), &row.params()[..]);
    assert_eq!(written.unwrap(), 1);
    assert_eq!(stored(&db), row);
    assert_eq!(stored(&db).open(&ring, 42).unwrap(), ada());
    let null: bool =
        db.query_row("SELECT card IS NULL FROM customer", [], |row| row.get(0)).unwrap();
    assert!(null);

    db.execute("UPDATE customer SET language = NULL", []).unwrap();
    assert_eq!(stored(&db).open(&ring, 42).unwrap().language, "");

    // A text column holds the text form.
    db.execute("UPDATE customer SET email = ?", [row.email.to_text()]).unwrap();
    assert_eq!(stored(&db).open(&ring, 42).unwrap().email, "ada@example.com");

    db.execute("UPDATE customer SET email = 'ada@example.com'", []).unwrap();
    let query = "SELECT * FROM customer";
    db.query_row(query, [], SealedCustomer::from_row).unwrap_err();
    let query = "SELECT id, email FROM customer";
    db.query_row(query, [], SealedCustomer::from_row).unwrap_err();
}

#[test]
fn rows_with_external_keys_have_no_column_for_them() {
    let (ring, db) = (ring(), connect());
    let keys = DataKeys::create(&ring, 42, [CONTACT]).unwrap();
    let address = Address { id: 7, customer_id: 42, street: "1 Main St".into() };
    let row = address.seal_with(&keys).unwrap();
    assert_eq!(address::COLUMNS, ["id", "customer_id", "street"]);
    db.execute(&insert("address", address::COLUMNS), &row.params()[..]).unwrap();
    let row = db.query_row("SELECT * FROM address", [], SealedAddress::from_row).unwrap();
    assert_eq!(row.open_with(&keys).unwrap(), address);
}

#[test]
fn parameters_are_carried_along() {
    let (ring, db) = (KeyRing::generate().unwrap(), connect());
    let pair = Pair { id: "ada".to_owned(), value: Some(5_u32) };
    let row = pair.seal_new(&ring).unwrap();
    type Fields = pair<String, Option<u32>>;
    db.execute(&insert("pair", Fields::COLUMNS), &row.params()[..]).unwrap();
    let row = db
        .query_row("SELECT * FROM pair", [], SealedPair::<String, Option<u32>>::from_row)
        .unwrap();
    assert_eq!(row.open(&ring, "ada").unwrap(), pair);
}

#[test]
fn row_is_found_by_its_terms_and_shown_by_its_masks() {
    let (mut ring, db) = (ring(), connect());
    ring.add_index_key().unwrap();
    let ada = Client { id: 42, email: "ada@example.com".into(), born: Some("1815-12-10".into()) };
    let bob = Client { id: 43, email: "bob@example.com".into(), born: None };
    for client in [&ada, &bob] {
        let row = client.seal_new(&ring).unwrap();
        assert_eq!(row.params().len(), client::COLUMNS.len());
        db.execute(&insert("client", client::COLUMNS), &row.params()[..]).unwrap();
    }
    let find = |column: &str, terms: &[fieldseal::index::Term]| {
        let query = format!("SELECT * FROM client WHERE {column} = ?");
        let mut found = db.prepare(&query).unwrap();
        let rows = found.query_map([&terms[0]], SealedClient::from_row).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>()
    };

    let asked = client::EMAIL_INDEX.query(&ring, "ada@example.com").unwrap();
    let found = find("email_index", asked.terms());
    let [row] = found.as_slice() else { panic!("one row") };
    assert_eq!(row.open(&ring, 42).unwrap(), ada);
    assert_eq!(row.email_words.as_slice(), None, "they are in their table");
    let support = ring.subset(&["support"]).unwrap().into_ring();
    let seen = row.open_partial(&support, 42).unwrap();
    assert_eq!(seen.email_mask.unwrap().as_deref(), Some("a••••@e••••.com"));
    assert_eq!(seen.born_mask.unwrap().as_deref(), Some("1815"));

    let both = client::BOTH_INDEX.query(&ring, &("ada@example.com", "1815-12-10")).unwrap();
    assert_eq!(find("both_index", both.terms()), found);
    let absent: i64 = db
        .query_row(
            "SELECT count(*) FROM client
             WHERE id = 43 AND born_index IS NULL AND born_mask IS NULL AND both_index IS NULL",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(absent, 1);
}

/// A job that has the schema's document and not the struct.
#[cfg(feature = "schema")]
#[test]
fn a_row_that_a_read_schema_writes_is_found_and_opened_by_the_struct() {
    use fieldseal::field::{ColumnValue, Value};
    use fieldseal::record::OwnedSchema;
    use fieldseal::store::SqliteTermsTable;
    use rusqlite::types::Value as Sql;

    let (mut ring, db, terms) = (ring(), connect(), SqliteTermsTable::new());
    ring.add_index_key().unwrap();
    terms.migrate(&db).unwrap();
    let read = OwnedSchema::from_json(&Client::SCHEMA.to_json()).unwrap();
    let schema = read.schema();

    let keys = DataKeys::create(&ring, 42, &read).unwrap();
    let (email, born) = (Value::from("ada@example.com"), Value::from("1815-12-10"));
    let update = schema.update_row(&keys, None, &[("email", &email), ("born", &born)]).unwrap();
    let mut columns = vec!["id", "keys"];
    let mut values = vec![Sql::Integer(42), Sql::Blob(keys.envelope().as_bytes().to_vec())];
    for (column, value) in update.columns() {
        columns.push(column);
        values.push(match value {
            ColumnValue::Bytes(bytes) => Sql::Blob(bytes.to_vec()),
            _ => Sql::Null,
        });
    }
    db.execute(&insert("client", &columns), rusqlite::params_from_iter(values)).unwrap();
    terms.write(&db, 42, &update).unwrap();

    let row = db.query_row("SELECT * FROM client", [], SealedClient::from_row).unwrap();
    let opened = row.open(&ring, 42).unwrap();
    assert_eq!(
        (opened.email.as_str(), opened.born.as_deref()),
        ("ada@example.com", Some("1815-12-10"))
    );

    // By each index, as the constants ask and as what was read asks.
    let words = schema.dynamic_index("email.words").unwrap().query(&ring, "ada").unwrap();
    let found = words.in_table("client.id").unwrap();
    let sql = format!("SELECT count(*) FROM client WHERE {}", found.sql());
    let count = |sql: &str, terms: &mut dyn Iterator<Item = Vec<u8>>| {
        db.query_row(sql, rusqlite::params_from_iter(terms), |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(count(&sql, &mut found.terms().map(|term| term.as_bytes().to_vec())), 1);
    for (column, asked) in [
        ("email_index", schema.dynamic_index("email").unwrap().query(&ring, "ada@example.com")),
        ("born_index", schema.dynamic_index("born").unwrap().query(&ring, "1815-12-10")),
        ("both_index", schema.dynamic_index("both").unwrap().query(&ring, &[email, born][..])),
    ] {
        let asked = asked.unwrap();
        let sql = format!("SELECT count(*) FROM client WHERE {column} = ?");
        let mut terms = asked.terms().iter().map(|term| term.as_bytes().to_vec());
        assert_eq!(count(&sql, &mut terms), 1, "{column}");
    }
}
