use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row, rusqlite)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(words, measured))]
    email: String,
}

fn main() {}
