use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer")]
struct Customer {
    #[record(subject, row)]
    id: i64,
    #[record(seal)]
    email: String,
}

fn main() {}
