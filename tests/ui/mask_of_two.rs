use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, mask(last4, year, readers = ["support"]))]
    email: String,
}

fn main() {}
