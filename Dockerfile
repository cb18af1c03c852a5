# One image for web, worker and migrations. It carries neither test tools nor the servers of
# the demo: only requirements/run.txt.

FROM python:3.11-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements/run.txt requirements/run.txt
RUN /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/run.txt

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN useradd --system --uid 10001 --no-create-home junocal
COPY --from=build /venv /venv
COPY . .
# Static files need settings, and none of these is used for anything else.
RUN SECRET_KEY=build BASE_URL=https://build ALLOWED_HOSTS=build EMAIL_URL=dummymail:// \
    DEFAULT_FROM_EMAIL=build DATABASE_URL=postgres:///build REDIS_URL=redis://build \
    KLAVIYO_CLIENT_ID=build KLAVIYO_CLIENT_SECRET=build TOKEN_ENCRYPTION_KEYS=build \
    python manage.py collectstatic --noinput
USER junocal
EXPOSE 8000
# It asks under our own name: Django answers to no other. `/readyz` asks for more than this process:
# that no worker is running is no reason to take the pages away.
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s CMD ["python", "-c", "\
import os; from urllib.parse import urlsplit; from urllib.request import Request, urlopen; \
name = urlsplit(os.environ['BASE_URL']).netloc; \
urlopen(Request('http://127.0.0.1:8000/healthz', headers={'Host': name}), timeout=8)"]
CMD ["gunicorn", "junocal.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "8", "--max-requests", "5000", "--max-requests-jitter", "500", \
     "--graceful-timeout", "20", "--no-control-socket"]
