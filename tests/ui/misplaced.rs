use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row, subject)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, pad = 32)]
    email: String,
    #[record(single_row)]
    plan: String,
}

fn main() {}
