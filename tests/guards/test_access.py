"""Every studio page states its minimum role; every other view is one we chose to leave open."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

from studios.models import Role

IN_A_STUDIO = "s/<slug:slug>/"

# Views outside a studio, by name: each is public on purpose or checks who asks by itself.
CHOSEN = {
    "studios:front": "what Junocal is; signed in, the way to one's studio",
    "studios:new": "any signed-in person may make a studio",
    "studios:invitation": "the signed link is the permission",
    "studios:accept": "signed in, and the invitation is theirs",
    "studios:join": "the signed link is the permission",
    "clients:unsubscribe": "the token is the permission; no sign-in",
    "klaviyo:callback": "signed in, and the state is theirs",
    "klaviyo:install": "signed in, then the studio's own page",
    "klaviyo:webhook": "the signature is the permission",
    "klaviyo:help": "public",
    "alive": "public: for probes",
    "ready": "public: for probes",
    "metrics": "the token of METRICS_TOKEN is the permission",
}
# Whole rooms of others, with checks of their own.
OTHERS = ("account_", "mfa_", "admin:")

Found = tuple[str, str, URLPattern]


def patterns(resolver: URLResolver, route: str = "", space: str = "") -> Iterator[Found]:
    for pattern in resolver.url_patterns:
        path = route + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from patterns(pattern, path, inner)
        else:
            yield path, space + (pattern.name or pattern.lookup_str.rpartition(".")[2]), pattern


def all_views() -> list[Found]:
    return list(patterns(get_resolver()))


def test_every_page_of_a_studio_states_its_minimum_role() -> None:
    studios_own = [found for found in all_views() if found[0].startswith(IN_A_STUDIO)]
    open_ones = [
        f"{path} ({name})"
        for path, name, pattern in studios_own
        if getattr(pattern.callback, "minimum_role", None) not in Role
    ]

    assert len(studios_own) >= 8, "the guard found no studio pages: it looks in the wrong place"
    assert not open_ones, f"put @studio_access(Role.…) first on the views of: {open_ones}"


def test_every_other_view_is_one_we_chose_to_leave_open() -> None:
    others = [found for found in all_views() if not found[0].startswith(IN_A_STUDIO)]
    surprises = [
        f"{path} ({name})"
        for path, name, _pattern in others
        if name not in CHOSEN and not name.startswith(OTHERS)
    ]

    assert len(others) >= 10, "the guard found no views: it looks in the wrong place"
    assert not surprises, (
        "these are outside any studio: move them under /s/<slug>/ with @studio_access, or say in"
        f" CHOSEN (tests/guards/test_access.py) why anybody may open them: {surprises}"
    )


def test_nothing_that_names_a_studio_hides_from_the_guard() -> None:
    hidden = [
        path
        for path, _name, _pattern in all_views()
        if "slug" in path and not path.startswith(IN_A_STUDIO)
    ]

    assert not hidden, f"a studio's pages stand under /{IN_A_STUDIO}; move: {hidden}"
