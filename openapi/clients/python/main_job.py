"""The main job with the generated client: a tenant, its backup, the proof, the download."""

import hashlib
import os
import time

from chiliview_client import AuthenticatedClient, Client
from chiliview_client.api.default import create_backup, create_tenant, download_backup, get_backup, login
from chiliview_client.models import BackupRequest, BackupStatus, Login, NewTenant, RequestScope

URL = os.environ["SERVICE_URL"]
ENDED = (BackupStatus.VERIFIED, BackupStatus.FAILED, BackupStatus.CANCELLED)


def wait(client, backup):
    """Until it has ended, for a minute at most."""
    for _ in range(600):
        found = get_backup.sync(backup, client=client)
        if found.status in ENDED:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"the backup is still {found.status}")


def main():
    credentials = Login(username="admin", password=os.environ["ADMIN_PASSWORD"])
    session = login.sync(client=Client(base_url=URL), body=credentials)
    client = AuthenticatedClient(base_url=URL, token=session.token)

    tenant = create_tenant.sync(client=client, body=NewTenant(slug="mueller", name="Müller & Söhne"))
    assert tenant.name == "Müller & Söhne", tenant
    queued = create_backup.sync(client=client, body=BackupRequest(scope=RequestScope.TENANT, tenant=tenant.slug))
    backup = wait(client, queued.id)
    assert backup.status == BackupStatus.VERIFIED, backup
    artefact = download_backup.sync(backup.id, client=client).payload.read()
    assert len(artefact) == backup.bytes_ and hashlib.sha256(artefact).hexdigest() == backup.sha256
    print(f"{backup.tenant}: {len(artefact)} bytes, verified and whole")


main()
