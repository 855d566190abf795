use fieldseal::{Record, SealValue};

#[derive(SealValue)]
struct Email(String);

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(default))]
    email: Email,
}

fn main() {}
