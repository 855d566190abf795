use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", keys = "external")]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(row, seal)]
    row: i64,
    #[record(seal)]
    email: String,
}

fn main() {}
