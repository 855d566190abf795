use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, mask(last5, readers = ["support"]))]
    email: String,
}

fn main() {}
