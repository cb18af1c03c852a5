"""Whose address is whose is decided on the mailbox: an international domain and its ASCII form are
one. `clients_mailbox` is `clients.models.address.same_address` in SQL; a trigger keeps the column,
whoever writes the row."""

from django.db import migrations, models

PUNYCODE = """
-- An international label in ASCII: RFC 3492, sections 5 and 6.
CREATE FUNCTION clients_punycode(label text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    digits CONSTANT text := 'abcdefghijklmnopqrstuvwxyz0123456789';
    points bigint[];
    point bigint;
    encoded text := '';
    known int;  -- letters handled so far
    basic int;
    highest bigint := 128;
    next bigint;
    delta bigint := 0;
    bias bigint := 72;
    rest bigint;
    threshold bigint;
    k bigint;
BEGIN
    FOR position IN 1 .. length(label) LOOP
        points[position] := ascii(substr(label, position, 1));
        IF points[position] < 128 THEN
            encoded := encoded || chr(points[position]::int);
        END IF;
    END LOOP;
    basic := length(encoded);
    known := basic;
    IF basic > 0 THEN
        encoded := encoded || '-';
    END IF;
    WHILE known < cardinality(points) LOOP
        SELECT min(p) INTO next FROM unnest(points) AS p WHERE p >= highest;
        delta := delta + (next - highest) * (known + 1);
        highest := next;
        FOREACH point IN ARRAY points LOOP
            IF point < highest THEN
                delta := delta + 1;
            ELSIF point = highest THEN
                rest := delta;
                k := 36;
                LOOP
                    threshold := least(greatest(k - bias, 1), 26);
                    EXIT WHEN rest < threshold;
                    encoded := encoded || substr(
                        digits, (threshold + (rest - threshold) % (36 - threshold))::int + 1, 1
                    );
                    rest := (rest - threshold) / (36 - threshold);
                    k := k + 36;
                END LOOP;
                encoded := encoded || substr(digits, rest::int + 1, 1);
                delta := delta / CASE WHEN known = basic THEN 700 ELSE 2 END;
                delta := delta + delta / (known + 1);
                k := 0;
                WHILE delta > 455 LOOP
                    delta := delta / 35;
                    k := k + 36;
                END LOOP;
                bias := k + 36 * delta / (delta + 38);
                delta := 0;
                known := known + 1;
            END IF;
        END LOOP;
        delta := delta + 1;
        highest := highest + 1;
    END LOOP;
    RETURN encoded;
END $$
"""

MAILBOX = r"""
-- The form in which all spellings of one mailbox are equal.
CREATE FUNCTION clients_mailbox(email text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    spaces CONSTANT text := E' \t\n\x0B\f\r\x1C\x1D\x1E\x1F\u0085\u00A0\u1680\u2000\u2001\u2002'
        '\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000';
    unseen CONSTANT text := E'\u00AD\u200B\u2060\uFEFF\uFE00\uFE01\uFE02\uFE03\uFE04\uFE05\uFE06'
        '\uFE07\uFE08\uFE09\uFE0A\uFE0B\uFE0C\uFE0D\uFE0E\uFE0F';
    -- The one letter that Python makes two of, and PostgreSQL one.
    wide CONSTANT text := E'\u0130';
    narrow CONSTANT text := E'i\u0307';
    plain text := lower(replace(btrim(email, spaces), wide, narrow));
    domain text;
    folded text;
BEGIN
    IF octet_length(plain) = length(plain) THEN
        RETURN plain;
    END IF;
    domain := substring(plain FROM '[^@]*$');
    folded := left(plain, length(plain) - length(domain));
    domain := lower(replace(normalize(domain, NFKC), wide, narrow));
    domain := translate(normalize(domain, NFKC), E'\u3002' || unseen, '.');
    SELECT folded || string_agg(
               CASE WHEN octet_length(label) = length(label) THEN label
                    ELSE 'xn--' || clients_punycode(label) END,
               '.' ORDER BY place)
      INTO folded
      FROM string_to_table(domain, '.') WITH ORDINALITY AS labels (label, place);
    RETURN CASE WHEN length(folded) <= 254 THEN folded ELSE plain END;
END $$
"""

# The unique index that is there leaves one row of each plain form. Of those that are one mailbox
# now, the one typed in ASCII keeps it, else the oldest; the others keep their plain form, and all
# of their data, until somebody changes their address: then they are told who has it.
FILL = """
UPDATE clients_client client
   SET address = CASE WHEN mine.rank = 1 THEN mine.mailbox ELSE mine.plain END
  FROM (SELECT id, plain, mailbox,
               row_number() OVER (PARTITION BY studio_id, mailbox
                                  ORDER BY plain <> mailbox, id) AS rank
          FROM (SELECT id, studio_id, lower(trim(email)) AS plain,
                       clients_mailbox(email) AS mailbox
                  FROM clients_client
                 WHERE email <> '') AS spelt) AS mine
 WHERE client.id = mine.id
"""

KEEP = """
CREATE FUNCTION clients_keep_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.email = OLD.email THEN
        NEW.address := OLD.address;
    ELSE
        NEW.address := clients_mailbox(NEW.email);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER clients_keep_address BEFORE INSERT OR UPDATE OF email, address ON clients_client
FOR EACH ROW EXECUTE FUNCTION clients_keep_address()
"""


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0001_clients'),
    ]

    operations = [
        migrations.RunSQL(PUNYCODE, 'DROP FUNCTION clients_punycode(text)'),
        migrations.RunSQL(MAILBOX, 'DROP FUNCTION clients_mailbox(text)'),
        migrations.AddField(
            model_name='client',
            name='address',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=254),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(
            KEEP,
            'DROP TRIGGER clients_keep_address ON clients_client;'
            ' DROP FUNCTION clients_keep_address()',
        ),
        migrations.RemoveConstraint(
            model_name='client',
            name='client_email_is_unique_in_its_studio',
        ),
        migrations.AddConstraint(
            model_name='client',
            constraint=models.UniqueConstraint(models.F('studio'), models.F('address'), condition=models.Q(('address', ''), _negated=True), name='client_email_is_unique_in_its_studio'),
        ),
    ]
