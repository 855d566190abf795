use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row, index(exact, measured))]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
}

fn main() {}
