use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal(hide_null, pad = 32, on_erased = none))]
    email: Option<String>,
}

fn main() {}
