"""Who is in the story. Nobody of these names exists, nor any address at `.example`."""

from domain.address import AddressDetails
from domain.customer import CustomerProfile
from domain.user import UserProfile

MARGUERITE = CustomerProfile(
    email="marguerite@okafor.example",
    first_name="Marguerite",
    last_name="Okafor",
    country="GB",
    city="Bristol",
    postcode="BS1 4DJ",
)
OTTOLINE = CustomerProfile(
    email="ottoline@varga-lindqvist.example",
    first_name="Ottoline",
    last_name="Varga-Lindqvist",
    country="SE",
    city="Uppsala",
    postcode="753 10",
)
CASIMIR = CustomerProfile(
    email="purchasing@okonjo-vale.example",
    first_name="Casimir",
    last_name="Okonjo-Vale",
    country="PT",
    city="Porto",
    postcode="4000-123",
    notes="Orders by telephone, pays by bank transfer.",
)
LEOCADIA = CustomerProfile(
    email="leocadia@thornbury-sato.example",
    first_name="Leocadia",
    last_name="Thornbury-Sato",
    country="JP",
    city="Kyoto",
    postcode="600-8216",
)
EVANDER = CustomerProfile(
    email="evander@szolnok-reyes.example",
    first_name="Evander",
    last_name="Szolnok-Reyes",
    country="US",
    state="OR",
    city="Portland",
    postcode="97205",
)
TADHG = CustomerProfile(
    email="tadhg@moritz-quill.example",
    first_name="Tadhg",
    last_name="Moritz-Quill",
    country="IE",
    city="Galway",
)
HESPER = CustomerProfile(
    email="hesper@lindgren-abara.example",
    first_name="Hesper",
    last_name="Lindgren-Abara",
    country="NL",
    city="Utrecht",
)
WILHELMINA = CustomerProfile(
    email="wilhelmina@quist-adeyemi.example", first_name="Wilhelmina", last_name="Quist-Adeyemi", country="DE"
)

FIRST_USER = 1
MARGUERITE_AS_USER = UserProfile(
    user_login="marguerite",
    user_email=MARGUERITE.email,
    display_name="Marguerite",
    first_name=MARGUERITE.first_name,
    last_name=MARGUERITE.last_name,
)
HESPER_AS_USER = UserProfile(user_login="hesper", user_email=HESPER.email, display_name="Hesper")

MARGUERITES_HOME = AddressDetails(
    name="Marguerite Okafor",
    address_1="14 Cooperage Lane",
    city="Bristol",
    postcode="BS1 4DJ",
    country="GB",
    label="Home",
)
MARGUERITES_STUDIO = AddressDetails(
    name="Aldous Ceramics",
    address_1="Unit 3, Old Foundry Yard",
    city="Bath",
    postcode="BA1 2AB",
    country="GB",
    label="Studio",
    company_name="Aldous Ceramics",
)
CASIMIRS_SHOP = AddressDetails(
    name="Okonjo-Vale Lda", address_1="Rua das Nuvens 7", city="Porto", postcode="4000-123", country="PT"
)
CASIMIRS_STORE = AddressDetails(
    name="Okonjo-Vale Lda, goods in", address_1="Cais Novo 21", city="Porto", postcode="4100-004", country="PT"
)
EVANDERS_HOME = AddressDetails(
    name="Evander Szolnok-Reyes",
    address_1="2208 Heron Court",
    city="Portland",
    state="OR",
    postcode="97205",
    country="US",
)
