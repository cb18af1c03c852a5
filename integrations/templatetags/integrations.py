"""Parts of pages that integrations bring along."""

from collections.abc import Sequence

from django import template
from django.template import Engine, RequestContext
from django.utils.safestring import SafeString

from integrations.registry import Integration, Panel, registered
from studios.models import Studio

register = template.Library()


@register.simple_tag(takes_context=True)
def panel(context: RequestContext, shown: Panel) -> SafeString:
    """The panel's template, as `include` does it: with the page's context beneath its own."""
    engine = Engine.get_default()
    with context.push(**shown.context):
        return engine.get_template(shown.template).render(context)


@register.simple_tag
def integration_banners(studio: Studio) -> Sequence[Panel]:
    banners = (integration.banner(studio) for integration in registered())
    return [banner for banner in banners if banner]


@register.simple_tag
def integrations() -> Sequence[Integration]:
    return registered()
