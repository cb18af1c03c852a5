"""Names for the demo's lists, as they come together at a studio's desk in Berlin.

A line for each language: first names, a bar, last names, all with commas between. Where an address
spells a name otherwise, that stands after a slash.
"""

NAMES = """
Hannah, Emil, Clara, Ben, Frieda, Kurt | Schmidt, Brandt, Neumann, Jung, Seidel, Albrecht, Busch
Anna, Lena, Björn/bjoern | Müller/mueller, Weiß/weiss, Krüger/krueger, Vogt
Käthe/kaethe, Jürgen/juergen, Mia | Müller/mueller, Weiß/weiss, Krüger/krueger, Vogt
Klaus-Dieter, Friederike, Noah | Großmann/grossmann, Böhm/boehm, von der Heide/heide, Lehmann
Torsten, Miriam | Großmann/grossmann, Böhm/boehm, von der Heide/heide, Lehmann
Aylin, Çağla/cagla, Şule/sule | Öztürk/oeztuerk, Şahin/sahin, Doğan/dogan, Yıldız/yildiz
Oğuz/oguz, Ümit/uemit | Öztürk/oeztuerk, Şahin/sahin, Doğan/dogan, Yıldız/yildiz
Zofia, Paweł/pawel | Kowalska, Wójcik/wojcik, Zieliński/zielinski
Łukasz/lukasz, Małgorzata/malgorzata | Kowalska, Wójcik/wojcik, Zieliński/zielinski
Олена/olena, Дмитро/dmytro, Наталья/natalia, Иван/ivan | Шевченко/shevchenko, Бондаренко/bondarenko
Ελένη/eleni, Γιώργος/giorgos, Σοφία/sophia | Παπαδοπούλου/papadopoulou, Γεωργίου/georgiou
Chloé/chloe, Étienne/etienne | Lefèvre/lefevre, D'Aubigné/daubigne, Petit
Zoë/zoe, François/francois | Lefèvre/lefevre, D'Aubigné/daubigne, Petit
Inês/ines, João/joao, Conceição/conceicao | Gonçalves/goncalves, Araújo/araujo, dos Santos/dossantos
Iñaki/inaki, María José/mariajose | Muñoz/munoz, Ibáñez/ibanez, García Lorca/garcialorca
Begoña/begona | Muñoz/munoz, Ibáñez/ibanez, García Lorca/garcialorca
Giulia, Niccolò/niccolo, Chiara | Esposito, D'Angelo/dangelo, De Luca/deluca
Åsa/asa, Søren/soeren, Þóra/thora, Linnéa/linnea | Lindström/lindstroem, Jørgensen/joergensen, Ek
Siân/sian, Niamh | O'Brien/obrien, Ó Faoláin/ofaolain, McKenna, Llewellyn-Bowen/llewellyn
Seán/sean, Amy | O'Brien/obrien, Ó Faoláin/ofaolain, McKenna, Llewellyn-Bowen/llewellyn
Priya, Arjun, Lakshmi, प्रिया/priya | Sharma, Iyer, शर्मा/sharma
美咲/misaki, 健太/kenta, 陽菜/hina | 佐藤/sato, 鈴木/suzuki
秀英/xiuying, 伟/wei, Li | 王/wang, 陈/chen, Ng
민준/minjun, 서연/seoyeon | 김/kim, 이/lee
Nguyệt/nguyet, Tuấn/tuan, Thảo/thao | Nguyễn/nguyen, Trần/tran
ליאורה/liora, נועם/noam, Tamar | כהן/cohen, מזרחי/mizrahi
محمد/mohammed, فاطمة/fatima, Yusuf | العلي/alali, حداد/haddad
Amara, Chidi, Nkechi, Kwame, Thandiwe | Okonkwo, Adeyemi, Mensah, Dlamini
""".strip()

Name = tuple[str, str]  # as written, and as in an address


def full_names() -> list[tuple[Name, Name]]:
    """Every first name with every last name of its language."""
    languages = (line.split(" | ") for line in NAMES.splitlines())
    return [
        (spelled(first), spelled(last))
        for firsts, lasts in languages
        for first in firsts.split(", ")
        for last in lasts.split(", ")
    ]


def spelled(name: str) -> Name:
    written, _, in_address = name.partition("/")
    return written, in_address or written.lower()
