use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row, keys = "elsewhere")]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
}

fn main() {}
