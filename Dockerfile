# The service in a container: docker build -t transmodal . (see docs/how-to/serve.md)
# Every step is run without Docker by tests/test_dockerfile.py.
FROM python:3.11-slim

WORKDIR /app
COPY pyproject.toml README.md LICENSE DATA_LICENSES.md constraints.txt ./
COPY src ./src
RUN python -m venv /opt/transmodal
RUN /opt/transmodal/bin/python -m pip install --no-cache-dir torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
RUN /opt/transmodal/bin/python -m pip install --no-cache-dir -c constraints.txt ".[service,view,dicom]"
RUN mkdir -p /jobs /models && chmod 700 /jobs && chown 10001:10001 /jobs

USER 10001:10001
ENV OMP_NUM_THREADS=4 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
VOLUME ["/jobs"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s CMD ["/opt/transmodal/bin/python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
ENTRYPOINT ["/opt/transmodal/bin/transmodal", "serve", "--host", "0.0.0.0", "--port", "8080", "--folder", "/jobs"]
CMD ["/models/model.tmz"]
