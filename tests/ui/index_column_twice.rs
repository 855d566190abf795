use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(exact, measured), index(exact, measured, id = "other"))]
    email: String,
}

fn main() {}
