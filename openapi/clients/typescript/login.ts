// Logs in with the generated types, and makes a tenant and finds it in the list.

import createClient from "openapi-fetch";
import type { paths } from "./contract.js";

const { SERVICE_URL: baseUrl = "", ADMIN_PASSWORD: password = "" } = process.env;

const anonymous = createClient<paths>({ baseUrl });
const login = await anonymous.POST("/api/auth/login", { body: { username: "admin", password } });
if (!login.data) throw new Error(`the log-in was refused: ${login.error?.detail}`);

const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${login.data.token}` } });
const made = await client.POST("/api/tenants", { body: { slug: "mueller", name: "Müller & Söhne" } });
if (!made.data) throw new Error(`the tenant was refused: ${made.error?.detail}`);

const tenants = await client.GET("/api/tenants", { params: { query: { limit: 10 } } });
const names = tenants.data?.items.map((tenant) => tenant.name);
if (names?.join() !== "Müller & Söhne") throw new Error(`found ${names?.join()}`);
console.log(`${login.data.whoami.username} sees ${names.join()}`);
