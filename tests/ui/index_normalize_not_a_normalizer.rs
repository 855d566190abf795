use fieldseal::Record;

const CASE: bool = true;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(exact, measured, normalize = CASE))]
    email: String,
}

fn main() {}
