"""Settings, all from the environment; docs/operations.md explains each.

A setting without a default here must be set: a missing one stops the start and says its name.
"""

from pathlib import Path
from urllib.parse import urlsplit

import environ
from kombu import Queue

from junocal.ops import logging

env = environ.Env()
ROOT = Path(__file__).resolve().parent.parent
environ.Env.read_env(ROOT / ".env")  # what the environment sets already wins

# --- Who we are -------------------------------------------------------------------------------
SECRET_KEY: str = env.str("SECRET_KEY")
DEBUG: bool = env.bool("DEBUG", default=False)
BASE_URL: str = env.str("BASE_URL").rstrip("/")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS")
SUPPORT_EMAIL = "hello@junocal.com"

IS_HTTPS = urlsplit(BASE_URL).scheme == "https"
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CSRF_FAILURE_VIEW = "studios.views.too_old.too_old"

# --- Apps -----------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "studios",
    "clients",
    "integrations",
    "integrations.klaviyo",
]

MIDDLEWARE = [
    "junocal.middleware.request_log",
    "django.middleware.security.SecurityMiddleware",
    "junocal.middleware.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "junocal.urls"
WSGI_APPLICATION = "junocal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "junocal.ops.version.page_foot",
                "studios.context.page_frame",
            ],
        },
    }
]

# --- Data ---------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"].update(
    # The pool takes the place of persistent connections and checks each one it hands out. After a
    # restart of PostgreSQL it throws dead ones away one by one, with growing pauses: few may idle.
    CONN_MAX_AGE=0,
    CONN_HEALTH_CHECKS=True,
    OPTIONS={
        **DATABASES["default"].get("OPTIONS", {}),
        "pool": {
            "min_size": 1,
            "max_size": env.int("DATABASE_POOL_SIZE", default=30),
            "max_idle": 30,
            "timeout": 5,
        },
        "connect_timeout": 3,
        "keepalives_idle": 30,
    },
)

# Sessions, throttles and caches stand in PostgreSQL: a web request never needs Redis.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "junocal_cache",
        # Beyond it entries are dropped unread, and throttles with them; Django's own is 300.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# --- Tasks: Redis carries hints only, never truth -------------------------------------------------
REDIS_URL: str = env.str("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_POOL = "threads"  # one process, one memory for its access tokens
CELERY_WORKER_CONCURRENCY = 16  # they wait for the network most of the time
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Redis may freeze instead of refusing: nobody waits for it longer than this.
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "socket_keepalive": True,
}
CELERY_TASK_DEFAULT_QUEUE = "maintenance"
CELERY_TASK_QUEUES = [Queue("sync"), Queue("maintenance")]  # a worker may be given one with -Q
CELERY_TASK_ROUTES = {"integrations.klaviyo.tasks.sync_studio": {"queue": "sync"}}
# Seconds from one run to the next, in whichever worker is there (`klaviyo.worker.periodic`).
PERIODIC_TASKS: dict[str, float] = {
    "clients.tasks.send_welcomes": 10.0,
    "clients.tasks.refold": 60.0,
    "clients.tasks.work_on_runs": 2.0,
    "clients.tasks.tidy_runs": 3600.0,
    "integrations.klaviyo.tasks.reconcile": 600.0,
    "integrations.klaviyo.tasks.watch": 60.0,
    "integrations.klaviyo.tasks.heartbeat": 900.0,  # tries every connection daily
    "integrations.klaviyo.tasks.tidy": 3600.0,
}

# --- People and their sign-in ---------------------------------------------------------------------
AUTH_USER_MODEL = "studios.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_ADAPTER = "studios.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {
    "signup": "studios.accounts.signup.SignUpForm",
    "add_email": "studios.accounts.addresses.AddEmailForm",
}
ACCOUNT_MAX_EMAIL_ADDRESSES = 2  # enough to move from one to another
ACCOUNT_EMAIL_VERIFICATION = "optional"  # an unverified owner may look around but mails nobody
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
# Throttles count by address: how many proxies stand between us and the visitor.
ALLAUTH_TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXY_COUNT", default=0)
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Junocal"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600

# --- Browser-side safety --------------------------------------------------------------------------
SECURE_SSL_REDIRECT = IS_HTTPS
# Probes come from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"  # callback and unsubscribe addresses carry secrets
X_FRAME_OPTIONS = "DENY"

# --- Email ----------------------------------------------------------------------------------------
vars().update(env.email_url("EMAIL_URL"))
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 10

# --- Quotas of 24 hours: signing up must be no way to send spam -----------------------------------
STUDIOS_PER_OWNER_AND_DAY: int = env.int("STUDIOS_PER_OWNER_AND_DAY", default=3)
INVITATIONS_PER_STUDIO_AND_DAY: int = env.int("INVITATIONS_PER_STUDIO_AND_DAY", default=30)
WELCOME_EMAILS_PER_STUDIO_AND_DAY: int = env.int("WELCOME_EMAILS_PER_STUDIO_AND_DAY", default=500)

# --- Klaviyo --------------------------------------------------------------------------------------
KLAVIYO_CLIENT_ID: str = env.str("KLAVIYO_CLIENT_ID")
KLAVIYO_CLIENT_SECRET: str = env.str("KLAVIYO_CLIENT_SECRET")
KLAVIYO_AUTHORIZE_URL: str = env.str(
    "KLAVIYO_AUTHORIZE_URL", default="https://www.klaviyo.com/oauth/authorize"
)
KLAVIYO_API_URL: str = env.str("KLAVIYO_API_URL", default="https://a.klaviyo.com").rstrip("/")
KLAVIYO_WEBHOOK_SECRET: str = env.str("KLAVIYO_WEBHOOK_SECRET", default="")  # empty: no webhook
KLAVIYO_UNINSTALL_TOPIC: str = env.str("KLAVIYO_UNINSTALL_TOPIC", default="app.uninstalled")
KLAVIYO_QUARANTINE_S: int = env.int("KLAVIYO_QUARANTINE_S", default=60)
TOKEN_ENCRYPTION_KEYS: str = env.str("TOKEN_ENCRYPTION_KEYS")

# Chromium applies `form-action` to the redirect after a POST: Connect ends at Klaviyo's page.
_authorize = urlsplit(KLAVIYO_AUTHORIZE_URL)
SECURE_CSP = {
    "default-src": ["'self'"],
    "img-src": ["'self'", "data:"],  # the QR code of two-factor sign-in
    "form-action": ["'self'", f"{_authorize.scheme}://{_authorize.netloc}"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
}

# --- Words, time, files ---------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"  # pages show the studio's own
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(ROOT / "staticfiles"))
STATICFILES_DIRS = [ROOT / "junocal" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Logs and numbers -----------------------------------------------------------------------------
LOGGING_CONFIG = "junocal.ops.logging.configure"
LOGGING = logging.config(
    level=env.str("LOG_LEVEL", default="INFO"),
    form=env.str("LOG_FORMAT", default="text" if DEBUG else "json"),
)
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")  # empty: no /metrics
