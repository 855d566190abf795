//! `query_as!` and `query!` of sqlx with sealed fields and key envelopes, in columns of bytes and of text.

use fieldseal::{KeyRing, Record, Sealed, SealedRecord as _};
use sqlx::{Connection as _, PgConnection};

#[derive(Record, Debug, PartialEq)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
    #[record(seal)]
    birth_name: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut on = PgConnection::connect(&std::env::var("DATABASE_URL")?).await?;
    let ring = KeyRing::generate()?;
    for (id, birth_name) in [(1, None), (2, Some("Byron".to_owned()))] {
        let customer = Customer { id, email: "ada@example.com".into(), birth_name };
        let row = customer.seal_new(&ring)?;

        sqlx::query!(
            "INSERT INTO customer (id, email, birth_name, keys) VALUES ($1, $2, $3, $4)",
            row.id,
            &row.email as _,
            &row.birth_name as _,
            &row.keys as _,
        )
        .execute(&mut on)
        .await?;
        let read = sqlx::query_as!(
            SealedCustomer,
            r#"SELECT id, email AS "email: _", birth_name AS "birth_name: _", keys AS "keys: _"
               FROM customer WHERE id = $1"#,
            id
        )
        .fetch_one(&mut on)
        .await?;
        assert_eq!(read.open(&ring, id)?, customer);

        sqlx::query!(
            "INSERT INTO customer_in_text (id, email, birth_name, keys) VALUES ($1, $2, $3, $4)",
            row.id,
            row.email.to_text(),
            row.birth_name.as_ref().map(Sealed::to_text),
            row.keys.to_text(),
        )
        .execute(&mut on)
        .await?;
        let read = sqlx::query_as!(
            SealedCustomer,
            r#"SELECT id, email AS "email: _", birth_name AS "birth_name: _", keys AS "keys: _"
               FROM customer_in_text WHERE id = $1"#,
            id
        )
        .fetch_one(&mut on)
        .await?;
        assert_eq!(read.open(&ring, id)?, customer);
    }
    println!("query_as: 4 rows read back");
    Ok(())
}
