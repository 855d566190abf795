use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record]
    email: String,
    #[record = "seal"]
    phone: String,
    #[record(seal = true)]
    card: String,
}

fn main() {}
