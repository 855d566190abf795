use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(hide_null, pad = 32), mask(last4, pad = 12, readers = ["support"]))]
    email: Option<String>,
}

fn main() {}
